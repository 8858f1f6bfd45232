"""A node: namespaces of its own (network, mount, PID, UTS, IPC, cgroup) for its daemons.

The node's first process is s6-svscan; its death ends everything in the node, as a power cut would, and the
cluster's supervisor starts it again. A node looks as large as its size says: /proc/meminfo and the folders of
sysfs are covered in its mount namespace, and its control group, the root of its cgroup namespace, has the
limits of such a machine. What the node measures of itself is its own use, not that of the machine around it.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seaway.model.cluster import Offer
from seaway.providers.local import certificate, cgroups, control, pki, supervisor
from seaway.providers.local.access import PULL, Access
from seaway.providers.local.engine import Engine
from seaway.providers.local.home import NodeHome
from seaway.providers.local.supervisor import Service

KIB: Final = 1024
#: MiB on top of the size, so that allocatable is the size: what is kept free, and what its programs use.
EVICTION: Final = 100
RESERVED: Final = 400
#: Plugins of containerd that would look for devices and file systems which a node does not have.
UNUSED: Final = (
    *(f"io.containerd.snapshotter.v1.{name}" for name in ("btrfs", "zfs", "devmapper", "blockfile", "erofs")),
    "io.containerd.nri.v1.nri",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.internal.v1.tracing",
)


@dataclass(frozen=True)
class Size:
    """What a node offers to pods: CPUs and memory in GiB.

    `price` is about what such a machine costs in a cloud, in dollars an hour; the autoscaler chooses by it.
    """

    cpus: int
    memory: int
    price: float


SIZES: Final = {
    "small": Size(1, 2, 0.0363),
    "medium": Size(2, 4, 0.0725),
    "large": Size(4, 8, 0.145),
}


def labels(size: str) -> dict[str, str]:
    """Give the labels with which a node of this size comes, as one of a cloud does."""
    return {
        "node.kubernetes.io/instance-type": size,
        "topology.kubernetes.io/region": "local",
        "topology.kubernetes.io/zone": "local-1",
    }


def offers() -> tuple[Offer, ...]:
    """Give every size as what pods get of it."""
    return tuple(Offer(name, each.cpus, each.memory << 30, each.price) for name, each in SIZES.items())


def provider_id(node: NodeHome) -> str:
    return f"local://{node.cluster.name}/{node.name}"


def memory(size: str) -> int:
    """Give the memory in bytes that a node of this size may use, its own programs included."""
    return _total(SIZES[size]) * KIB


def write(node: NodeHome, size: str, engine: Engine, pause: str, resolver: Path, *, claim: str = "") -> None:
    """Every file of the node; a node that is there keeps its images and its pods.

    `claim` is the NodeClaim for which the autoscaler wants it, if it does.
    """
    state = node.state
    for folder in ("containerd", "kubelet", "pods", "cni", "machine", "services"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    node.remember(size=size, claim=claim)
    pki.make_node(node)
    _write_machine(state / "machine", SIZES[size], node.number)
    _json(state / "kubelet.json", _kubelet(node, claim, resolver))
    _json(
        state / "kube-proxy.json",
        control.proxy(node.cluster, node.name, node.cluster.pki / "kube-proxy.kubeconfig"),
    )
    _json(state / "cni" / "10-seaway.conflist", _cni(node))
    (state / "containerd.toml").write_text(_containerd(node, engine, pause))
    mirror(node)
    init = state / "init"
    init.write_text(_init(node, engine))
    init.chmod(0o755)
    supervisor.write(
        state / "services", _daemons(node, engine, size), node.cluster.logs / f"node-{node.number}"
    )


def service(node: NodeHome) -> Service:
    """The node as the cluster's supervisor sees it: one program that must run."""
    unshare = (
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        "--pid",
        "--fork",
        "--kill-child=SIGKILL",
        "--mount-proc",
        "--uts",
        "--ipc",
        "--cgroup",
    )
    return Service(
        f"node-{node.number}",
        ("nsenter", f"--net=/run/netns/{node.namespace}", *unshare, node.state / "init"),
        f"{cgroups.clear(node.cgroup)}\n{cgroups.join(node.cgroup)}",
    )


def make_groups(node: NodeHome, size: str) -> None:
    cgroups.make(node.cgroup, SIZES[size].cpus, memory(size))


def _total(size: Size) -> int:
    """The memory of a machine of this size, in KiB."""
    return size.memory * KIB * KIB + (EVICTION + RESERVED) * KIB


def _init(node: NodeHome, engine: Engine) -> str:
    """Dress the namespaces, then become the node's first process.

    The supervisor's folders are copied to the node's own /run, so that every boot starts afresh.
    """
    machine = node.state / "machine"
    return f"""#!/bin/sh
set -e
hostname {node.name}
{cgroups.enclose("daemons")}
mount -t tmpfs -o mode=755 tmpfs /run
mount --make-rshared /
mount --bind {machine}/meminfo /proc/meminfo
mount --bind {machine}/cpu /sys/devices/system/cpu
if [ -d /sys/devices/system/node ]; then mount -t tmpfs -o ro tmpfs /sys/devices/system/node; fi
mkdir -p /run/netns
cp -a {node.state}/services /run/services
export PATH={engine.bin}:$PATH
exec s6-svscan /run/services
"""


def _daemons(node: NodeHome, engine: Engine, size: str) -> tuple[Service, ...]:
    program, state = engine.program("engine"), node.state
    named = ",".join(f"{key}={value}" for key, value in labels(size).items())
    kubelet = [
        "kubelet",
        f"--config={state}/kubelet.json",
        f"--kubeconfig={state}/kubelet.kubeconfig",
        f"--root-dir={state}/kubelet",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--node-labels={named}",
    ]
    both = control.together(kubelet, ["kube-proxy", f"--config={state}/kube-proxy.json"])
    wait = (
        "i=0; until [ -S /run/containerd/containerd.sock ] || [ $i -ge 200 ]; do i=$((i+1)); sleep 0.05; done"
    )
    return (
        Service("containerd", (engine.program("containerd"), "--config", state / "containerd.toml")),
        Service("kubelet", (program, *both), f"{control.await_api(node.cluster)}\n{wait}"),
    )


def _kubelet(node: NodeHome, claim: str, resolver: Path) -> dict[str, Any]:
    """KubeletConfiguration (kubelet.config.k8s.io/v1beta1).

    A node with a claim takes no pod until the autoscaler has seen that it is the one it asked for.
    """
    keys = node.cluster.pki
    unseen = [{"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "address": str(node.address),
        "tlsCertFile": str(keys / f"{node.name}.crt"),
        "tlsPrivateKeyFile": str(keys / f"{node.name}.key"),
        "tlsMinVersion": "VersionTLS12",
        "healthzBindAddress": "127.0.0.1",
        "providerID": provider_id(node),
        "registerWithTaints": unseen if claim else [],
        "clusterDomain": "cluster.local",
        "clusterDNS": [str(node.cluster.dns)],
        "resolvConf": str(resolver),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "podLogsDir": str(node.state / "pods"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/",
        "systemReserved": {"memory": f"{RESERVED}Mi"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": ["pods"],
        "evictionHard": {
            "memory.available": f"{EVICTION}Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 98,
        "imageGCLowThresholdPercent": 95,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 4,
        "nodeStatusUpdateFrequency": "5s",
        "registerNode": True,
    }


def _cni(node: NodeHome) -> dict[str, Any]:
    """Pods are routed, not masqueraded, so that they keep their address (CNI specification 1.0)."""
    ranges = [[{"subnet": str(node.pods)}]]
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "forceAddress": True,
        "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni",
            "ranges": ranges,
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    portmap = {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "seaway", "plugins": [bridge, portmap]}


def _containerd(node: NodeHome, engine: Engine, pause: str) -> str:
    runc = shutil.which("runc") or "runc"
    return f"""version = 3
root = "{node.state}/containerd"
state = "/run/containerd"
disabled_plugins = {json.dumps(UNUSED)}

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins.'io.containerd.internal.v1.opt']
  path = "{node.state}/opt"

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  max_concurrent_downloads = 4
  use_local_image_pull = true
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{pause}"
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = "{node.state}/certs.d"

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{engine.bin}"]
    conf_dir = "{node.state}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false
"""


def mirror(node: NodeHome) -> None:
    """Tell the node's containerd, which looks at each pull, how it reaches the machine's registry.

    That is named by the machine's loopback; from a node it is at the cluster's outside address.
    """
    access = Access()
    folder = node.state / "certs.d" / access.host
    folder.mkdir(parents=True, exist_ok=True)
    text = f"""server = "https://{node.cluster.outside}:{control.REGISTRY_PORT}"
capabilities = ["pull", "resolve"]
ca = "{access.certificates.authority_path()}"
[header]
  Authorization = "{access.account(PULL).basic}"
"""
    certificate.write(folder / "hosts.toml", text.encode())


def _write_machine(folder: Path, size: Size, number: int) -> None:
    """What covers /proc/meminfo and sysfs: a machine of just this size.

    CPUs that this machine does not have are listed but offline: the kubelet counts them as capacity and does
    not try to pin pods to them. Small nodes begin at different CPUs, so that they do not share the first one.
    """
    total = _total(size)
    rows = (
        ("MemTotal", total),
        ("MemFree", total),
        ("MemAvailable", total),
        ("SwapTotal", 0),
        ("SwapFree", 0),
    )
    (folder / "meminfo").write_text("".join(f"{name}: {value} kB\n" for name, value in rows))
    there = os.cpu_count() or 1
    own = [(number - 1 + i) % there if size.cpus <= there else i for i in range(size.cpus)]
    cpu = folder / "cpu"
    cpu.mkdir(exist_ok=True)  # a running node has this very folder mounted: it is never replaced
    for stale in {p.name for p in cpu.glob("cpu*")} - {f"cpu{each}" for each in own}:
        shutil.rmtree(cpu / stale)
    for each in own:
        topology = cpu / f"cpu{each}" / "topology"
        topology.mkdir(parents=True, exist_ok=True)
        for name, value in (("core_id", each), ("physical_package_id", 0), ("die_id", 0)):
            (topology / name).write_text(f"{value}\n")
        (topology / "thread_siblings_list").write_text(f"{each}\n")
    (cpu / "online").write_text(",".join(str(each) for each in sorted(own) if each < there) + "\n")
    for name in ("possible", "present"):
        (cpu / name).write_text(",".join(map(str, sorted(own))) + "\n")


def _json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1))
