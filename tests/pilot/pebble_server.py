"""Pebble, Let's Encrypt's small ACME server, as its module pins it: on loopback, with DNS for all names."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from scripts.benchmark.peers import built, running
from tests.cluster.support import until

MODULE = Path(__file__).parent / "pebble"
SERVER = "github.com/letsencrypt/pebble/v2/cmd/pebble"
NAMES = "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv"
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Pebble:
    """One that runs: its port on loopback, and who vouches for it (PEM)."""

    port: int
    ca: str

    @property
    def directory(self) -> str:
        return self.at(HERE)

    def at(self, address: str) -> str:
        """Give its directory as it is reached at this address."""
        return f"https://{address}:{self.port}/dir"


@contextmanager
def pebble(folder: Path, http: int, *addresses: str, nonces: int = 30, days: int = 90) -> Iterator[Pebble]:
    """Run it, built once (a minute): it looks for proofs at port `http` of loopback, whatever the name.

    It refuses so many percent of all `nonces`, and signs for so many days. Its own certificate is for
    loopback and `addresses`.
    """
    programs = built(MODULE, SERVER, NAMES)
    port, manages, names, manages_names = (_free() for _ in range(4))
    ca = _certificate(folder, [HERE, *addresses])
    document = {
        "listenAddress": f"{HERE}:{port}",
        "managementListenAddress": f"{HERE}:{manages}",
        "certificate": str(folder / "pebble.pem"),
        "privateKey": str(folder / "pebble.key"),
        "httpPort": http,
        "tlsPort": 1,
        "retryAfter": {"authz": 1, "order": 1},
        "profiles": {"default": {"description": "the only one", "validityPeriod": days * 86400}},
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": document}))
    without = ("-defaultIPv6", "-http01", "-https01", "-tlsalpn01", "-doh")
    words = ["-defaultIPv4", HERE, *(word for flag in without for word in (flag, ""))]
    knows: list[str | Path] = [programs / "pebble-challtestsrv", "-dnsserver", f"{HERE}:{names}", *words]
    env = ("PEBBLE_VA_NOSLEEP=1", f"PEBBLE_WFE_NONCEREJECT={nonces}", "PEBBLE_AUTHZREUSE=0")
    signs: list[str | Path] = ["env", *env, programs / "pebble", "-strict", "-config", folder / "pebble.json"]
    with ExitStack() as stack:
        log = folder / "pebble.log"
        stack.enter_context(running([*knows, "-management", f"{HERE}:{manages_names}"], log))
        stack.enter_context(running([*signs, "-dnsserver", f"{HERE}:{names}"], log))
        until(lambda: _listens(port) and _listens(manages_names), f"Pebble; see {log}", 20)
        yield Pebble(port, ca)


def _certificate(folder: Path, addresses: list[str]) -> str:
    """Make one that vouches for itself, in `folder`; gives it in PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pebble of the tests")])
    known = x509.SubjectAlternativeName([x509.IPAddress(ip_address(each)) for each in addresses])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(known, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    (folder / "pebble.pem").write_bytes(pem)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "pebble.key").write_bytes(private)
    return pem.decode()


def _free() -> int:
    with socket.socket() as found:
        found.bind((HERE, 0))
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.create_connection((HERE, port), 1):
        return True
