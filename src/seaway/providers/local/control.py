"""The control plane of a cluster: which programs run, with which arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from seaway.providers.local import cgroups, reviewer
from seaway.providers.local.engine import Engine
from seaway.providers.local.home import Home
from seaway.providers.local.supervisor import Service

REGISTRY_PORT: Final = 5055
METRICS_PORT: Final = 4443
REQUESTS_PORT: Final = 4444
PROVISIONER: Final = "seaway.dev/local"


def services(home: Home, engine: Engine) -> tuple[Service, ...]:
    """Every supervised program of the control plane; each runs in the cluster's network namespace."""
    enter = ("nsenter", f"--net=/run/netns/{home.namespace}", engine.program("engine"))

    def service(name: str, *components: list[str], before: str = await_api(home)) -> Service:
        return Service(name, (*enter, *together(*components)), before)

    return (
        service("etcd", ["etcd", *_etcd(home)], before=""),
        service("kube-apiserver", ["kube-apiserver", *_apiserver(home)], before=""),
        service("kube-scheduler", ["kube-scheduler", *_scheduler(home)]),
        service("controllers", *_controllers(home)),
        service("coredns", ["coredns", "-conf", f"{home.state}/Corefile"]),
    )


def together(*components: list[str]) -> list[str]:
    """Join command lines of the engine's components that shall share one process.

    The binary's pages and what its packages set up are then in memory once.
    """
    words = [word for component in components for word in ("+", *component)]
    return words[1:]


def _controllers(home: Home) -> tuple[list[str], ...]:
    """Kubernetes' own controllers, and what a cloud would add: addresses, volumes, metrics, services.

    The sentinel ends them where the API server is away, so that no node is judged by an old clock.
    """
    volumes = [f"--kubeconfig={home.pki}/storage-provisioner.kubeconfig", f"--root={home.volumes}"]
    return (
        ["kube-controller-manager", *_manager(home)],
        ["sentinel", f"--kubeconfig={home.pki}/kube-controller-manager.kubeconfig"],
        ["cloud-controller-manager", *_balancer(home)],
        ["storage-provisioner", *volumes],
        ["metrics-server", *_metrics(home)],
        ["kube-proxy", f"--config={home.state}/kube-proxy.json"],
    )


def await_api(home: Home) -> str:
    """Shell lines that wait for the API server.

    Its clients would start without it too, and then sit out their back-off: seconds of a new cluster.
    """
    return f"until [ -e {home.gate} ]; do sleep 0.05; done"


def write_files(home: Home, resolver: Path, first_node: str) -> None:
    """Configuration files that the programs read."""
    for folder in (home.logs, home.volumes, home.run):
        folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    (home.state / "kube-proxy.json").write_text(
        json.dumps(proxy(home, first_node, home.pki / "kube-proxy.kubeconfig"))
    )
    (home.state / "Corefile").write_text(f""".:53 {{
  bind {home.control}
  errors
  health 127.0.0.1:8080
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {home.pki}/coredns.kubeconfig {home.context}
    ttl 5
    fallthrough in-addr.arpa ip6.arpa
  }}
  forward . {resolver}
  cache 30
  reload
}}
""")


def proxy(home: Home, node: str, kubeconfig: Path) -> dict[str, Any]:
    """Configure kube-proxy (kubeproxy.config.k8s.io/v1alpha1).

    In the control plane's namespace it answers for this machine, in the name of a node that exists:
    without one it would wait half a minute for it at every start.
    """
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": node,
        "clusterCIDR": str(home.pods),
        "detectLocalMode": "ClusterCIDR",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"minSyncPeriod": "100ms"},
    }


def _client(home: Home, name: str) -> list[str]:
    config = home.pki / f"{name}.kubeconfig"
    return [
        f"--{flag}={config}"
        for flag in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    ]


def _etcd(home: Home) -> list[str]:
    return [
        f"--data-dir={home.state}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=default=http://127.0.0.1:2380",
        "--log-level=warn",
    ]


def _apiserver(home: Home) -> list[str]:
    pki = home.pki
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        f"--bind-address={home.control}",
        f"--advertise-address={home.control}",
        f"--service-cluster-ip-range={home.cluster_ips}",
        "--allow-privileged=true",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-aggregator-routing=true",
        "--profiling=false",
        "--tls-min-version=VersionTLS12",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
        *reviewer.flags(home),
    ]


def _scheduler(home: Home) -> list[str]:
    return [*_client(home, "kube-scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1"]


def _manager(home: Home) -> list[str]:
    pki = home.pki
    return [
        *_client(home, "kube-controller-manager"),
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--profiling=false",
        f"--root-ca-file={pki}/ca.crt",
        f"--service-account-private-key-file={pki}/sa.key",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        "--use-service-account-credentials=true",
        "--allocate-node-cidrs=false",
        # Its own limit of 20 requests/s makes it sit still for five seconds at every start.
        "--kube-api-qps=400",
        "--kube-api-burst=600",
        "--node-monitor-grace-period=20s",
    ]


def serving(home: Home, name: str, port: int) -> list[str]:
    """Flags of a program to which the API server passes an API on."""
    return [
        f"--bind-address={home.control}",
        f"--secure-port={port}",
        f"--tls-cert-file={home.pki}/{name}-serving.crt",
        f"--tls-private-key-file={home.pki}/{name}-serving.key",
    ]


def _metrics(home: Home) -> list[str]:
    return [
        *_client(home, "metrics-server"),
        *serving(home, "metrics-server", METRICS_PORT),
        f"--kubelet-certificate-authority={home.pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=15s",
        "--kubelet-request-timeout=10s",
    ]


def _balancer(home: Home) -> list[str]:
    return [
        *_client(home, "cloud-controller-manager"),
        "--cloud-provider=seaway",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--service-cidr={home.cluster_ips}",
        f"--load-balancer-cidr={home.balancers}",
    ]


def entry(home: Home) -> str:
    """Shell lines that bring the supervisor of the control plane into its control group."""
    group = f"{home.cgroup}/control"
    cgroups.make(group)
    return cgroups.join(group)
