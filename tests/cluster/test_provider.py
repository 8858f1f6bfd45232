"""A local cluster does what a cluster does: nodes of a size, pods, names, addresses, volumes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seaway.errors import NotFound, Refused, UsageError
from seaway.kit import archive
from seaway.kit.kube import Ref
from seaway.model.event import Event, Outcome, silent
from seaway.providers.local import engine, machine, record
from tests.cluster.conftest import OTHER
from tests.cluster.support import Cluster, Echo, http, is_ready, until


def test_nodes_are_ready_and_offer_just_their_size(cluster: Cluster) -> None:
    for node in cluster.kube.list("v1", "Node"):
        assert is_ready(node)
        assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "small"
        assert node["status"]["allocatable"]["cpu"] == "1"
        assert node["status"]["allocatable"]["memory"] == "2Gi"


def test_a_pod_runs_on_every_node(cluster: Cluster, namespace: str, nodes: list[str]) -> None:
    pause = machine.pause(engine.ensure(silent))
    for node in nodes:
        spec = {"nodeName": node, "containers": [{"name": "pause", "image": pause}]}
        metadata = {"name": node, "namespace": namespace}
        cluster.kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    until(lambda: len(cluster.pods(namespace)) == len(nodes), "a pod on every node")


@pytest.mark.usefixtures("cluster")
def test_the_image_that_holds_pods_open_is_packed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = engine.Engine(tmp_path)
    programs.bin.mkdir()
    programs.program("pause").write_bytes(b"one")
    first = machine.pause(programs)
    with monkeypatch.context() as patch:
        patch.delattr(archive, "write")
        assert machine.pause(programs) == first
    programs.program("pause").write_bytes(b"another")
    assert machine.pause(programs) != first


def test_create_again_changes_nothing(cluster: Cluster) -> None:
    before = {n["metadata"]["name"]: n["metadata"]["uid"] for n in cluster.kube.list("v1", "Node")}
    control = cluster.pid("kube-apiserver")
    facts = cluster.clusters.create(cluster.name, 2, "small", silent)
    assert facts.state == "running"
    assert {n["metadata"]["name"]: n["metadata"]["uid"] for n in cluster.kube.list("v1", "Node")} == before
    assert cluster.pid("kube-apiserver") == control


def test_custom_metrics_of_somebody_else_are_left_to_them(cluster: Cluster) -> None:
    spec = {
        "group": "custom.metrics.k8s.io",
        "version": "v1beta1",
        "service": {"namespace": "monitoring", "name": "adapter"},
        "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    theirs = Ref("apiregistration.k8s.io/v1", "APIService", "v1beta1.custom.metrics.k8s.io")
    meta = {"name": theirs.name}
    cluster.kube.apply(
        {"apiVersion": theirs.api_version, "kind": theirs.kind, "metadata": meta, "spec": spec}
    )
    told: list[Event] = []
    try:
        facts = cluster.clusters.count(cluster.name, told.append)
        cluster.kube.delete(theirs)
        later = cluster.clusters.find(cluster.name)
    finally:
        cluster.kube.delete(theirs)
        record.change(cluster.home, counted="")
    assert facts.counted
    assert later
    assert not later.counted  # `up` then serves them itself
    assert [(each.outcome, theirs.name in each.text) for each in told] == [(Outcome.NOTE, True)]
    served = {each["metadata"]["name"] for each in cluster.kube.list(theirs.api_version, theirs.kind)}
    assert not any("v1beta2.custom.metrics" in each for each in served)
    assert cluster.pid("gateway-metrics") is None


def test_scaling_adds_a_node_of_another_size_and_takes_it_back(
    cluster: Cluster, namespace: str, image: str
) -> None:
    facts = cluster.clusters.scale(cluster.name, 3, "large", silent)
    assert [node.size for node in facts.nodes] == ["small", "small", "large"]
    added = facts.nodes[-1].name
    node = cluster.kube.get(Ref("v1", "Node", added))
    assert node
    assert "taints" not in node["spec"], "the next pods would go elsewhere"
    assert node["status"]["allocatable"]["cpu"] == "4"
    assert node["status"]["allocatable"]["memory"] == "8Gi"
    guest = Echo(cluster, namespace, "guest", image)
    guest.apply(node=added)
    guest.answers()
    guest.apply()  # free to go elsewhere

    facts = cluster.clusters.scale(cluster.name, 2, "large", silent)
    assert [node.size for node in facts.nodes] == ["small", "small"]
    assert cluster.kube.get(Ref("v1", "Node", added)) is None
    assert guest.answers()
    pods = cluster.kube.list("v1", "Pod", namespace=namespace)
    assert added not in {pod["spec"].get("nodeName") for pod in pods}


@pytest.mark.usefixtures("cluster")
def test_pods_find_services_by_name(pair: Echo) -> None:
    pair.answers()
    service = pair.cluster.kube.get(Ref("v1", "Service", "echo", pair.namespace))
    assert service
    assert pair.get("/resolve/echo") == service["spec"]["clusterIP"]
    name = f"echo.{pair.namespace}.svc.cluster.local"
    assert pair.get(f"/resolve/{name}") == service["spec"]["clusterIP"]


@pytest.mark.usefixtures("cluster")
def test_a_load_balancer_spreads_over_pods_on_all_nodes(pair: Echo) -> None:
    until(lambda: len({pair.answers() for _ in range(20)}) == 2, "answers of both pods")


def test_a_volume_outlives_its_pod_and_goes_where_the_pod_goes(echo: Echo, nodes: list[str]) -> None:
    echo.apply(node=nodes[0], volume=True)
    first = echo.answers()
    echo.put("/kept", "what was written")
    echo.apply(node=nodes[1], volume=True)
    until(lambda: echo.answers() != first, "a pod on the other node")
    until(lambda: len(echo.cluster.pods(echo.namespace)) == 1, "the end of the first pod")
    assert echo.get("/kept") == "what was written"


def test_the_data_of_a_claim_goes_with_it(echo: Echo) -> None:
    echo.apply(volume=True)
    echo.answers()
    kube, claim = echo.cluster.kube, Ref("v1", "PersistentVolumeClaim", "echo", echo.namespace)
    bound = kube.get(claim)
    assert bound
    folder = echo.cluster.home.volumes / bound["spec"]["volumeName"]
    assert folder.is_dir()
    kube.delete(Ref("apps/v1", "Deployment", "echo", echo.namespace))
    kube.delete(claim)
    until(lambda: not folder.exists(), "the end of the volume's folder")


def test_usage_of_nodes_and_pods_is_measured(cluster: Cluster, pair: Echo) -> None:
    kube, api = cluster.kube, "metrics.k8s.io/v1beta1"
    until(lambda: len(kube.list(api, "NodeMetrics")) == 2, "figures of both nodes")
    until(lambda: len(kube.list(api, "PodMetrics", namespace=pair.namespace)) == 2, "figures of both pods")


def test_the_logs_of_a_pod_are_read_through_the_api(cluster: Cluster, pair: Echo) -> None:
    pod = pair.answers()
    until(lambda: "GET /name" in cluster.kube.logs(pair.namespace, pod), "its log")


def test_the_context_joins_others_and_leaves_them_alone(cluster: Cluster, kubeconfig: Path) -> None:
    document = yaml.safe_load(kubeconfig.read_text())
    assert document["current-context"] == "other"
    for key in ("clusters", "users", "contexts"):
        names = [item["name"] for item in document[key]]
        assert sorted(names) == ["other", cluster.home.context]
        assert OTHER[key][0] in document[key]
    assert kubeconfig.stat().st_mode & 0o077 == 0


def test_use_makes_the_context_the_current_one(cluster: Cluster, kubeconfig: Path) -> None:
    before = kubeconfig.read_text()
    assert cluster.clusters.use(cluster.name) == cluster.home.context
    assert yaml.safe_load(kubeconfig.read_text())["current-context"] == cluster.home.context
    kubeconfig.write_text(before)


def test_a_cluster_that_is_not_there_is_named_with_what_to_do(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="no cluster seaway-test-never") as error:
        cluster.clusters.scale("seaway-test-never", 2, "small", silent)
    assert error.value.remedy == "seaway cluster create --name seaway-test-never"


def test_a_published_port_leads_into_the_cluster_from_loopback(cluster: Cluster, pair: Echo) -> None:
    pair.answers()
    cluster.clusters.publish(cluster.name, {18080: (pair.address, 80)}, silent)
    assert http("GET", "127.0.0.1", "/name", port=18080)[0] == 200
    of_nobody = str(cluster.home.balancers[-2])
    cluster.clusters.publish(cluster.name, {18080: (of_nobody, 80)}, silent)
    with pytest.raises(ConnectionRefusedError):
        http("GET", "127.0.0.1", "/name", port=18080)
    cluster.clusters.publish(cluster.name, {}, silent)
    with pytest.raises(ConnectionRefusedError):
        http("GET", "127.0.0.1", "/name", port=18080)


@pytest.mark.parametrize(("nodes", "size"), [(0, "small"), (1, "huge"), (100, "small")])
def test_what_cannot_be_is_refused_before_anything_happens(cluster: Cluster, nodes: int, size: str) -> None:
    with pytest.raises(UsageError):
        cluster.clusters.create("seaway-test-never", nodes, size, silent)
    assert cluster.clusters.find("seaway-test-never") is None


def test_a_user_without_rights_is_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Refused, match="needs root"):
        cluster.clusters.create("seaway-test-never", 1, "small", silent)
