"""The cluster's authorities, certificates, kubeconfigs (Kubernetes: PKI certificates and requirements)."""

from __future__ import annotations

import base64
import ipaddress
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.kit import kubeconfig
from seaway.providers.local import certificate
from seaway.providers.local.certificate import Pair
from seaway.providers.local.home import Home, NodeHome

_LIFE: Final = timedelta(days=3650)
_BOTH: Final = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)


@dataclass(frozen=True)
class Identity:
    """Who a certificate says it is: user and groups for Kubernetes, names and addresses for TLS servers."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    authority: str = "ca"


#: Clients of the API server: kubeconfig name → identity.
COMPONENTS: Final = (
    Identity("admin", "seaway-admin", ("system:masters",)),
    Identity("kube-controller-manager", "system:kube-controller-manager"),
    Identity("kube-scheduler", "system:kube-scheduler"),
    Identity("kube-proxy", "system:kube-proxy"),
    Identity("coredns", "seaway:coredns"),
    Identity("metrics-server", "seaway:metrics-server"),
    Identity("cloud-controller-manager", "seaway:cloud-controller-manager"),
    Identity("storage-provisioner", "seaway:storage-provisioner"),
    Identity("karpenter", "seaway:karpenter"),
    Identity("gateway-metrics", "seaway:gateway-metrics"),
)


def make_cluster(home: Home) -> None:
    """Every key, certificate and kubeconfig of the control plane that is not there yet."""
    home.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("ca", "front-proxy-ca"):
        if not (home.pki / f"{name}.crt").exists():
            certificate.authority(f"seaway {name}", _LIFE).write(home.pki, name)
    if not (home.pki / "sa.key").exists():
        key = certificate.new_key()
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        certificate.write(home.pki / "sa.pub", public)
        certificate.write(home.pki / "sa.key", certificate.pem(key))
    first = str(home.cluster_ips[1])
    names = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    )
    issue(
        home.pki,
        Identity(
            "apiserver", "kube-apiserver", names=names, addresses=(str(home.control), first, "127.0.0.1")
        ),
    )
    issue(
        home.pki, Identity("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",))
    )
    issue(home.pki, Identity("front-proxy-client", "front-proxy-client", authority="front-proxy-ca"))
    for server in ("metrics-server", "gateway-metrics"):
        known = (f"{server}.kube-system.svc",)
        issue(home.pki, Identity(f"{server}-serving", server, names=known, addresses=(str(home.control),)))
    for identity in COMPONENTS:
        issue(home.pki, identity)
        write_kubeconfig(home, identity, home.pki / f"{identity.file}.kubeconfig")
    write_kubeconfig(home, COMPONENTS[0], home.kubeconfig, inline=True)


def make_node(node: NodeHome) -> None:
    """The node's own identity, for the kubelet as client and as server."""
    pki = node.cluster.pki
    issue(
        pki,
        Identity(
            node.name, f"system:node:{node.name}", ("system:nodes",), (node.name,), (str(node.address),)
        ),
    )
    write_kubeconfig(node.cluster, Identity(node.name, node.name), node.state / "kubelet.kubeconfig")


def issue(folder: Path, who: Identity) -> None:
    """Write FILE.crt and FILE.key, unless they are there."""
    if (folder / f"{who.file}.crt").exists():
        return
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in who.names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in who.addresses]
    subject = certificate.subject(who.user, who.groups)
    certificate.issue(Pair.read(folder, who.authority), subject, _LIFE, names, _BOTH).write(folder, who.file)


def write_kubeconfig(home: Home, who: Identity, path: Path, *, inline: bool = False) -> None:
    """A kubeconfig for one client; with `inline` it carries its keys, and can be copied elsewhere."""

    def item(key: str, file: str) -> dict[str, str]:
        location = home.pki / file
        if inline:
            return {f"{key}-data": base64.b64encode(location.read_bytes()).decode()}
        return {key: str(location)}

    cluster = {"server": home.server, **item("certificate-authority", "ca.crt")}
    user = {**item("client-certificate", f"{who.file}.crt"), **item("client-key", f"{who.file}.key")}
    document = kubeconfig.entries(home.context, cluster, user)
    certificate.write(path, json.dumps(document, indent=1).encode())
