"""The cluster's authorities, certificates, kubeconfigs (Kubernetes: PKI certificates and requirements)."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seaway.providers.local.home import Home, NodeHome

_YEARS: Final = 10
_BACKDATE: Final = dt.timedelta(minutes=5)


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
)


def make_cluster(home: Home) -> None:
    """Every key, certificate and kubeconfig of the control plane that is not there yet."""
    home.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    for authority in ("ca", "front-proxy-ca"):
        _make_authority(home.pki, authority)
    if not (home.pki / "sa.key").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _write(home.pki / "sa.pub", public)
        _write(home.pki / "sa.key", _pem(key))
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
    serving = ("metrics-server.kube-system.svc",)
    issue(
        home.pki,
        Identity("metrics-server-serving", "metrics-server", names=serving, addresses=(str(home.control),)),
    )
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
    authority = x509.load_pem_x509_certificate((folder / f"{who.authority}.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / f"{who.authority}.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in who.groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, who.user))
    builder = (
        _builder(x509.Name(subject), authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
            critical=False,
        )
    )
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in who.names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in who.addresses]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{who.authority}.key is not an EC key")
    certificate = builder.sign(signer, hashes.SHA256())
    _write(folder / f"{who.file}.key", _pem(key))
    _write(folder / f"{who.file}.crt", certificate.public_bytes(serialization.Encoding.PEM))


def write_kubeconfig(home: Home, who: Identity, path: Path, *, inline: bool = False) -> None:
    """A kubeconfig for one client; with `inline` it carries its keys, and can be copied elsewhere."""

    def item(key: str, file: str) -> dict[str, str]:
        location = home.pki / file
        if inline:
            return {f"{key}-data": base64.b64encode(location.read_bytes()).decode()}
        return {key: str(location)}

    cluster = {"server": home.server, **item("certificate-authority", "ca.crt")}
    user = {**item("client-certificate", f"{who.file}.crt"), **item("client-key", f"{who.file}.key")}
    name = home.context
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    _write(path, json.dumps(document, indent=1).encode())


def _make_authority(folder: Path, name: str) -> None:
    if (folder / f"{name}.crt").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"seaway {name}")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(subject, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder / f"{name}.key", _pem(key))
    _write(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + dt.timedelta(days=365 * _YEARS))
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by root only."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    fresh.replace(path)
