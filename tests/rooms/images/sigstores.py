"""A Sigstore on loopback for tests: an issuer's key, Fulcio's API v2, a log of certificates, Rekor's API v1.

It is written for the tests and keeps to what the real ones answer: certificates as Fulcio's (oid-info.md)
with an embedded signed certificate timestamp (RFC 6962), entries of the kind dsse 0.0.1 with a promise, an
inclusion proof (RFC 9162, 2.1.3) and a checkpoint. What reads them, sigstore-python and cosign, is real.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from seaway.providers.local import certificate
from seaway.providers.sigstore.trust import CONFIG

ISSUER = "https://issuer.test"
WORKFLOW = "https://ci.test/acme/shop/.ci/release.yml@refs/heads/main"
#: What a workflow shows to be told who it is.
CI = "a-workflow"
_SHA256 = ec.ECDSA(hashes.SHA256())
_DAY = timedelta(days=1)
_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_FULCIO = "1.3.6.1.4.1.57264.1."


@dataclass
class Sigstore:
    """One that runs. `life` is how long its certificates are good; `entries` is what its log holds.

    `asked` are the paths that were asked for, `late` how many seconds its log's clock is ahead.
    """

    folder: Path
    life: timedelta = timedelta(minutes=10)
    url: str = ""
    #: Not empty: of a log's first entry cosign leaves out what is 0, and sigstore-python misses it.
    entries: list[bytes] = field(default_factory=lambda: [b"what was before"])
    asked: list[str] = field(default_factory=list)
    late: int = 0
    issuer: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    authority: certificate.Pair = field(default_factory=lambda: certificate.authority("fulcio", _DAY))
    certificates: ec.EllipticCurvePrivateKey = field(default_factory=certificate.new_key)
    log: ec.EllipticCurvePrivateKey = field(default_factory=certificate.new_key)

    def token(self, sub: str = WORKFLOW, aud: str = "sigstore", life: int = 300) -> str:
        """An identity token for somebody."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": sub, "aud": aud, "iat": now, "exp": now + life}
        return jwt.encode({"alg": "ES256"}, claims, self.issuer)

    @property
    def root(self) -> Path:
        return self._file("trusted_root.json", self._root())

    @property
    def services(self) -> Path:
        return self._file("signing_config.json", self._services())

    @property
    def config(self) -> Path:
        told = {"mediaType": CONFIG, "trustedRoot": self._root(), "signingConfig": self._services()}
        return self._file("client.json", told)

    def certify(self, asked: dict[str, Any], token: str) -> dict[str, Any]:
        """Fulcio's signingCert: who proves to have a key gets a certificate with the token's subject."""
        try:
            claims = jwt.decode(token, self.issuer).claims
        except (JoseError, ValueError) as error:
            raise Denied(str(error)) from error
        if claims["aud"] != "sigstore" or claims["exp"] < time.time():
            raise Denied("the token is not for this, or over")
        chain = [self._leaf(_proved(asked, claims["sub"]), claims), self.authority.certificate]
        pems = [each.public_bytes(serialization.Encoding.PEM).decode() for each in chain]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": pems}}}

    def enter(self, proposed: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Rekor's createLogEntry of the kind dsse: gives the entry's name, and what is told of it."""
        envelope = proposed["spec"]["proposedContent"]["envelope"]
        (verifier,) = proposed["spec"]["proposedContent"]["verifiers"]
        opened = json.loads(envelope)
        payload = base64.b64decode(opened["payload"])
        spec: dict[str, Any] = {
            "envelopeHash": _hashed(envelope.encode()),
            "payloadHash": _hashed(payload),
            "signatures": [{"signature": s["sig"], "verifier": verifier} for s in opened["signatures"]],
        }
        body = rfc8785.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        self.entries.append(body)
        leaves = [hashlib.sha256(b"\0" + each).digest() for each in self.entries]
        index, size, tree = len(leaves) - 1, len(leaves), _tree(leaves)
        log_id, at = hashlib.sha256(_der(self.log)).hexdigest(), int(time.time()) + self.late
        # The index is of all shards of a log, that of the proof of the last of them.
        promised: dict[str, Any] = {
            "body": base64.b64encode(body).decode(), "integratedTime": at, "logID": log_id,
            "logIndex": 1000 + index,
        }  # fmt: skip
        proof = {
            "checkpoint": self._checkpoint(size, tree), "hashes": [h.hex() for h in _proof(leaves, index)],
            "logIndex": index, "rootHash": tree.hex(), "treeSize": size,
        }  # fmt: skip
        signed = base64.b64encode(self.log.sign(rfc8785.dumps(promised), _SHA256)).decode()
        verification = {"inclusionProof": proof, "signedEntryTimestamp": signed}
        return f"{1:016x}{leaves[index].hex()}", {**promised, "verification": verification}

    def _checkpoint(self, size: int, tree: bytes) -> str:
        note = f"log.test - 1\n{size}\n{base64.b64encode(tree).decode()}\n"
        signed = hashlib.sha256(_der(self.log)).digest()[:4] + self.log.sign(note.encode(), _SHA256)
        return f"{note}\n— log.test {base64.b64encode(signed).decode()}\n"

    def _leaf(self, key: ec.EllipticCurvePublicKey, claims: dict[str, Any]) -> x509.Certificate:
        now, sub = datetime.now(UTC) - timedelta(seconds=1), claims["sub"]
        name: x509.GeneralName = x509.UniformResourceIdentifier(sub)
        if "@" in sub and ":" not in sub:
            name = x509.RFC822Name(sub)
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.key.public_key())
        issuer = claims["iss"].encode()
        numbered = {"1": issuer, "8": bytes([12, len(issuer)]) + issuer}
        builder = (
            x509.CertificateBuilder(self.authority.certificate.subject, x509.Name([]), key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + self.life)
            .add_extension(certificate._usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(by, critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        )
        for number, value in numbered.items():
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(_FULCIO + number), value)
            builder = builder.add_extension(extension, critical=False)
        before = builder.sign(self.authority.key, hashes.SHA256())
        stamped = x509.UnrecognizedExtension(_SCTS, self._stamp(before))
        return builder.add_extension(stamped, critical=False).sign(self.authority.key, hashes.SHA256())

    def _stamp(self, before: x509.Certificate) -> bytes:
        """A list of one signed certificate timestamp (RFC 6962, 3.2 and 3.3) in an OCTET STRING."""
        at, tbs = struct.pack("!Q", int(time.time() * 1000)), before.tbs_certificate_bytes
        by = hashlib.sha256(_der(self.authority.key)).digest()
        entry = b"\0\1" + by + struct.pack("!I", len(tbs))[1:] + tbs
        signed = self.certificates.sign(b"\0\0" + at + entry + b"\0\0", _SHA256)
        log_id = hashlib.sha256(_der(self.certificates)).digest()
        one = b"\0" + log_id + at + b"\0\0" + b"\4\3" + struct.pack("!H", len(signed)) + signed
        listed = struct.pack("!HH", len(one) + 2, len(one)) + one
        return bytes([4, len(listed)]) + listed

    def _root(self) -> dict[str, Any]:
        ca = self.authority.certificate.public_bytes(serialization.Encoding.DER)
        chain = {"certificates": [{"rawBytes": base64.b64encode(ca).decode()}]}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log(self.url, self.log)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "test", "commonName": "fulcio"},
                    "uri": self.url,
                    "certChain": chain,
                    "validFor": _since(),
                }
            ],
            "ctlogs": [_log(self.url, self.certificates)],
        }

    def _services(self) -> dict[str, Any]:
        one = {"url": self.url, "majorApiVersion": 1, "validFor": _since(), "operator": "test"}
        return {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [one],
            "rekorTlogUrls": [one],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "ANY"},
        }

    def _file(self, name: str, told: dict[str, Any]) -> Path:
        file = self.folder / name
        file.write_text(json.dumps(told))
        return file


class Denied(Exception):  # noqa: N818
    """Somebody has no right to a certificate."""


@contextmanager
def playing(folder: Path) -> Iterator[Sigstore]:
    """Serve one until the end of the block."""
    here = Sigstore(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Serving", (_Serving,), {"here": here}))
    server.daemon_threads = True
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Serving(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    here: Sigstore

    def do_GET(self) -> None:
        """Answer a workflow of GitHub that asks who it is (Actions: OpenID Connect, `ACTIONS_ID_TOKEN_…`)."""
        self.here.asked.append(self.path)
        known = self.headers.get("Authorization") == f"bearer {CI}"
        _, _, audience = self.path.partition("audience=")
        self._answer(200, {"value": self.here.token(aud=audience)}) if known else self._answer(401, {})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.here.asked.append(self.path)
        if self.path == "/api/v2/signingCert":
            _, _, token = self.headers.get("Authorization", "").partition(" ")
            try:
                self._answer(200, self.here.certify(asked, token))
            except Denied as error:
                self._answer(401, {"code": 16, "message": str(error)})
        elif self.path == "/api/v1/log/entries":
            name, told = self.here.enter(asked)
            self._answer(201, {name: told}, ETag=name, Location=f"{self.path}/{name}")
        else:
            self._answer(404, {})

    def _answer(self, status: int, told: dict[str, Any], **headers: str) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _proved(asked: dict[str, Any], sub: str) -> ec.EllipticCurvePublicKey:
    """The key of whoever asks: that of a request that it signed, or one with the subject signed by it."""
    if "certificateSigningRequest" in asked:
        request = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
        assert request.is_signature_valid
        key = request.public_key()
    else:
        given = asked["publicKeyRequest"]
        key = serialization.load_pem_public_key(given["publicKey"]["content"].encode())  # type: ignore[assignment]
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(base64.b64decode(given["proofOfPossession"]), sub.encode(), _SHA256)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def _log(url: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    public = {
        "rawBytes": base64.b64encode(_der(key)).decode(),
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "validFor": _since(),
    }
    known = {"keyId": base64.b64encode(hashlib.sha256(_der(key)).digest()).decode()}
    return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": known}


def _since() -> dict[str, str]:
    return {"start": (datetime.now(UTC) - _DAY).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _hashed(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _split(size: int) -> int:
    """The largest power of two below it (RFC 9162, 2.1.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return hashlib.sha256(b"\1" + _tree(leaves[:at]) + _tree(leaves[at:])).digest()


def _proof(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*_proof(leaves[:at], index), _tree(leaves[at:])]
    return [*_proof(leaves[at:], index - at), _tree(leaves[:at])]
