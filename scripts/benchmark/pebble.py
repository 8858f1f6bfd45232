"""Pebble, Let's Encrypt's small ACME server, as its module pins it: on loopback, with DNS for all names."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2 as httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from scripts.benchmark.names import LOOPBACK, free_port
from scripts.benchmark.peers import built, running
from seaway.kit.servers import NameServer

MODULE = Path(__file__).parent / "pebble"
SERVER = "github.com/letsencrypt/pebble/v2/cmd/pebble"
NAMES = "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv"
#: Seconds until it answers.
PATIENCE = 20
#: How long its own certificate lasts, which only those take who are given it.
LIFE = timedelta(days=3650)


@dataclass(frozen=True)
class Pebble:
    """One that runs: its port on loopback, who vouches for it, and the root of what it signs (PEM)."""

    port: int
    ca: str
    root: str

    @property
    def directory(self) -> str:
        return self.at(LOOPBACK)

    def at(self, address: str) -> str:
        """Give its directory as it is reached at this address."""
        return f"https://{address}:{self.port}/dir"


@dataclass(frozen=True)
class Server:
    """How one runs, with all its files in `folder`: its ports, and the one at which it looks for proofs.

    It refuses so many percent of all `nonces`, and signs for so many days. `names` is the port of the server
    of names that it asks; without `manages_names` that is somebody else's.
    """

    folder: Path
    http: int
    port: int = 14000
    manages: int = 15000
    names: int = 8053
    manages_names: int = 8055
    nonces: int = 5
    days: int = 90

    @property
    def ca(self) -> Path:
        """The file of who vouches for the server itself (PEM)."""
        return self.folder / "pebble.pem"

    def commands(self, *addresses: str) -> tuple[list[str | Path], list[str | Path]]:
        """Build it where that was not done (a minute); give what must run: DNS for all names, the server.

        Its own certificate is for loopback and `addresses`; one that is there is kept.
        """
        programs = built(MODULE, SERVER, NAMES)
        if not self.ca.exists():
            _certificate(self.folder, [LOOPBACK, *addresses])
        document = {
            "listenAddress": f"{LOOPBACK}:{self.port}",
            "managementListenAddress": f"{LOOPBACK}:{self.manages}",
            "certificate": str(self.ca),
            "privateKey": str(self.folder / "pebble.key"),
            "httpPort": self.http,
            "tlsPort": 1,
            "retryAfter": {"authz": 1, "order": 1},
            "profiles": {"default": {"description": "the only one", "validityPeriod": self.days * 86400}},
        }
        config = self.folder / "pebble.json"
        config.write_text(json.dumps({"pebble": document}))
        without = ("-defaultIPv6", "-http01", "-https01", "-tlsalpn01", "-doh")
        words = ["-defaultIPv4", LOOPBACK, *(word for flag in without for word in (flag, ""))]
        at = ["-dnsserver", f"{LOOPBACK}:{self.names}"]
        env = ("PEBBLE_VA_NOSLEEP=1", f"PEBBLE_WFE_NONCEREJECT={self.nonces}", "PEBBLE_AUTHZREUSE=0")
        managed = ["-management", f"{LOOPBACK}:{self.manages_names}"]
        knows: list[str | Path] = [programs / "pebble-challtestsrv", *at, *words, *managed]
        return knows, ["env", *env, programs / "pebble", "-strict", "-config", config, *at]

    def wait(self, hint: str) -> None:
        """Wait until all of it answers. Raises RuntimeError, with the hint, where it does not."""
        ends = time.monotonic() + PATIENCE
        ports = [each for each in (self.port, self.manages, self.manages_names) if each]
        while not all(map(_listens, ports)):
            if time.monotonic() > ends:
                raise RuntimeError(f"Pebble does not answer: {hint}")
            time.sleep(0.05)

    def root(self) -> str:
        """Fetch the root (PEM) that it made when it began (Pebble: management interface)."""
        trusted = ssl.create_default_context(cafile=str(self.ca))
        with httpx.Client(verify=trusted, trust_env=False) as client:
            return client.get(f"https://{LOOPBACK}:{self.manages}/roots/0").raise_for_status().text


@contextmanager
def pebble(
    folder: Path,
    http: int,
    *addresses: str,
    nonces: int = 30,
    days: int = 90,
    names: NameServer | None = None,
    port: int = 0,
) -> Iterator[Pebble]:
    """Run it, built once (a minute): it looks for proofs at port `http` of loopback, whatever the name.

    It refuses so many percent of all `nonces`, and signs for so many days. Its own certificate is for
    loopback and `addresses`, and the same in the same folder, while what it signs with is another each time.
    With `names` that server, on loopback too, says where a name leads, and what its records are.
    """
    known, manages_names = (names.port, 0) if names else (free_port(), free_port())
    server = Server(folder, http, port or free_port(), free_port(), known, manages_names, nonces, days)
    with ExitStack() as stack:
        log = folder / "pebble.log"
        knows, signs = server.commands(*addresses)
        for command in (signs,) if names else (knows, signs):
            stack.enter_context(running(command, log))
        server.wait(str(log))
        yield Pebble(server.port, server.ca.read_text(), server.root())


def _certificate(folder: Path, addresses: Iterable[str]) -> None:
    """Make one that vouches for itself, in `folder`."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pebble of the tests")])
    known = x509.SubjectAlternativeName([x509.IPAddress(ip_address(each)) for each in addresses])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(known, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    place = folder / "pebble.key"
    place.touch(0o600)
    place.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "pebble.pem").write_bytes(made.public_bytes(Encoding.PEM))


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), 1):
            return True
    except OSError:
        return False
