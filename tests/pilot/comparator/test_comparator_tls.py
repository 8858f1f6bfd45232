"""A monolith over TLS is asked only where its certificate is the right one."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from seaway.rooms.crossing.compare.task import Target
from tests.pilot.comparator.servers import HOST, App, Sea, page, sail


def certificate(folder: Path) -> str:
    """A key and a certificate for shop.example in a file; gives the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    (folder / "both.pem").write_bytes(
        made + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return made.decode()


def test_a_monolith_over_tls_is_asked_only_where_it_is_the_one(tmp_path: Path) -> None:
    ca = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")

    async def story(sea: Sea) -> None:
        outside = App(page("x"), ssl=context)
        async with outside.serving():
            url, done = f"https://{HOST}:{outside.port}", 0
            for target in (
                Target(url, "shop.example", ca=ca),
                Target(url, "other.example", ca=ca),
                Target(url, "shop.example"),
                Target(url, "shop.example", ca="none"),
                Target(url, "other.example", verify=False),
            ):
                sea.server.comparator.tell([replace(sea.task, basis=str(target), old=target)], {})
                route = await sea.after()
                done += route.compared
                left = sea.server.comparator.tallies["login"].left_out
                assert route.equal or left == {"no connection (monolith)": 1}, target
            assert done == 2
            assert outside.asked[0].headers["Host"] == "shop.example"

    sail(page("x"), page("x"), story)
