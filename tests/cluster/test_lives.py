"""A cluster from nothing to nothing: made twice at once, beside another one, gone without a trace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seaway.errors import Busy, Refused
from seaway.model.event import silent
from seaway.providers.local import cgroups, home
from tests.cluster.support import Cluster, belongings

NAME = "seaway-test-two"
SEAWAY = Path(sys.executable).parent / "seaway"
NOTHING: dict[str, set[str]] = {key: set() for key in belongings(NAME)}


def seaway(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen([SEAWAY, *argv], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_from_two_creates_at_once_to_nothing(cluster: Cluster, kubeconfig: Path) -> None:
    assert belongings(NAME) == NOTHING
    argv = ("cluster", "create", "--name", NAME, "--nodes", "1", "--size", "small")
    for each in [seaway(*argv), seaway(*argv)]:
        _, story = each.communicate(timeout=300)
        assert each.returncode == 0, story
    facts = cluster.clusters.find(NAME)
    assert facts
    assert facts.state == "running"
    assert [node.name for node in facts.nodes] == [f"seaway-{NAME}-1"]
    place = Cluster(NAME, cluster.clusters).home
    assert place.number != cluster.home.number
    assert belongings(NAME)["processes"]
    assert belongings(place.link)["links"]

    with pytest.raises(Busy, match="port 5055"):
        cluster.clusters.publish(NAME, {5055: ("10.0.0.1", 443)}, silent)
    cluster.clusters.publish(NAME, {18443: ("10.0.0.1", 443)}, silent)
    with pytest.raises(Refused, match="18443"):
        cluster.clusters.publish(cluster.name, {18443: ("10.0.0.1", 443)}, silent)

    done = seaway("cluster", "delete", "--name", NAME, "--yes")
    _, story = done.communicate(timeout=120)
    assert done.returncode == 0, story
    _is_gone(place, kubeconfig)


def test_a_cluster_whose_processes_were_killed_long_ago_can_be_deleted(
    cluster: Cluster, kubeconfig: Path
) -> None:
    cluster.clusters.create(NAME, 1, "small", silent)
    place = Cluster(NAME, cluster.clusters).home
    cgroups.kill(place.cgroup)
    cluster.clusters.delete(NAME, silent)
    _is_gone(place, kubeconfig)
    cluster.clusters.delete(NAME, silent)  # nothing to do is fine


def _is_gone(place: home.Home, kubeconfig: Path) -> None:
    assert belongings(NAME) == NOTHING
    assert belongings(place.link)["links"] == set()
    assert belongings(place.link)["routes"] == set()
    document = yaml.safe_load(kubeconfig.read_text())
    assert place.context not in {item["name"] for item in document["contexts"]}
    assert document["current-context"] == "other"
