"""Who leads, by real leases on a real API server; the candidates' clocks are the tests' own."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from seaway.kit.kube import Manifest, Ref
from seaway.pilot.leader import DEADLINE, DURATION, Candidate
from tests.cluster.support import Cluster, until


@dataclass
class Clock:
    """Seconds as the test says; every machine's begin somewhere else."""

    now: float

    def __call__(self) -> float:
        return self.now


def _candidates(cluster: Cluster, namespace: str) -> tuple[Candidate, Candidate, Clock]:
    clock = Clock(1000.0)
    one = Candidate(cluster.kube, namespace, "pilot", "one", clock)
    return one, Candidate(cluster.kube, namespace, "pilot", "two", clock), clock


def _record(cluster: Cluster, namespace: str) -> Manifest:
    found = cluster.kube.get(Ref("coordination.k8s.io/v1", "Lease", "pilot", namespace))
    assert found
    spec: Manifest = found["spec"]
    return spec


def test_the_first_leads_and_the_second_waits(cluster: Cluster, namespace: str) -> None:
    one, two, clock = _candidates(cluster, namespace)
    assert one.attempt()
    assert not two.attempt()
    assert (one.leads, two.leads) == (True, False)
    clock.now += DURATION - 1
    assert one.attempt()
    assert not two.attempt()
    clock.now += 2
    assert not two.attempt(), "the record changed since it was first seen"
    assert _record(cluster, namespace)["leaseTransitions"] == 0


def test_one_that_is_not_renewed_is_followed_after_its_time_and_not_before(
    cluster: Cluster, namespace: str
) -> None:
    one, two, clock = _candidates(cluster, namespace)
    assert one.attempt()
    assert not two.attempt()
    clock.now += DEADLINE
    assert not one.leads, "it stops well before another may begin"
    assert not two.attempt()
    clock.now += DURATION - DEADLINE
    assert two.attempt()
    assert not one.attempt()
    assert (one.leads, one.lost, two.leads) == (False, True, True)
    assert _record(cluster, namespace)["holderIdentity"] == "two"
    assert _record(cluster, namespace)["leaseTransitions"] == 1


def test_what_is_released_is_taken_at_once(cluster: Cluster, namespace: str) -> None:
    one, two, _ = _candidates(cluster, namespace)
    assert one.attempt()
    assert not two.attempt()
    one.release()
    assert not one.leads
    assert two.attempt()
    one.release()
    assert _record(cluster, namespace)["holderIdentity"] == "two", "one gives away only what is its own"


def test_times_of_other_machines_mean_nothing(cluster: Cluster, namespace: str) -> None:
    one, two, clock = _candidates(cluster, namespace)
    assert one.attempt()
    lease = Ref("coordination.k8s.io/v1", "Lease", "pilot", namespace)
    cluster.kube.patch(lease, {"spec": {"renewTime": "2001-01-01T00:00:00.000000Z"}})
    assert not two.attempt(), "a clock that is years behind does not end a lease"
    cluster.kube.patch(lease, {"spec": {"renewTime": "2101-01-01T00:00:00.000000Z"}})
    assert not two.attempt()
    clock.now += DURATION
    assert two.attempt(), "nor does one that is ahead keep it"


def test_a_lease_that_was_deleted_is_made_again_and_has_one_holder(cluster: Cluster, namespace: str) -> None:
    one, two, _ = _candidates(cluster, namespace)
    assert one.attempt()
    cluster.kube.delete(Ref("coordination.k8s.io/v1", "Lease", "pilot", namespace))
    assert one.attempt()
    assert not two.attempt()
    assert one.leads


def test_of_many_at_once_one_leads(cluster: Cluster, namespace: str) -> None:
    many = [Candidate(cluster.kube, namespace, "pilot", f"c{n}") for n in range(8)]
    threads = [threading.Thread(target=each.attempt) for each in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.leads for each in many) == 1


def test_it_is_kept_until_it_shall_stop(cluster: Cluster, namespace: str) -> None:
    one, two, stop = *_candidates(cluster, namespace)[:2], threading.Event()
    assert one.attempt()
    thread = threading.Thread(target=one.keep, args=(stop,))
    thread.start()
    try:
        before = _record(cluster, namespace)["renewTime"]
        until(lambda: _record(cluster, namespace)["renewTime"] > before, "a renewal", 10)
        assert not two.attempt()
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()
