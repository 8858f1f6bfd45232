"""A Sigstore on loopback for tests: an issuer, Fulcio's API v2, a log of certificates, Rekor's API v1.

It is written for the tests and keeps to what the real ones answer: certificates as Fulcio's (oid-info.md)
with an embedded signed certificate timestamp (RFC 6962), entries of the kind dsse 0.0.1 with a promise, an
inclusion proof (RFC 9162, 2.1.3) and a checkpoint. What reads them, sigstore-python and cosign, is real. A
real Fulcio may give the certificates instead; it asks the issuer for its keys and the log for its promise.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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

from scripts.benchmark.peers import running
from seaway.kit.http import Http
from seaway.providers.local import certificate
from seaway.providers.sigstore.trust import CONFIG
from tests.rooms.images.transparency import proof_of, tree_of, unpoisoned

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

    `asked` are the paths that were asked for, `late` how many seconds its log's clock is ahead; `fulcio` is
    the URL of a real Fulcio, `roots` are its certificates.
    """

    folder: Path
    life: timedelta = timedelta(minutes=10)
    url: str = ""
    fulcio: str = ""
    roots: list[x509.Certificate] = field(default_factory=list)
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
        claims: dict[str, Any] = {"iss": ISSUER, "sub": sub, "aud": aud, "iat": now, "exp": now + life}
        if self.fulcio:
            claims |= {"iss": self.url, "email": sub, "email_verified": True}
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
        index, size, tree = len(leaves) - 1, len(leaves), tree_of(leaves)
        log_id, at = hashlib.sha256(_der(self.log)).hexdigest(), int(time.time()) + self.late
        # The index is of all shards of a log, that of the proof of the last of them.
        promised: dict[str, Any] = {
            "body": base64.b64encode(body).decode(), "integratedTime": at, "logID": log_id,
            "logIndex": 1000 + index,
        }  # fmt: skip
        proof = {
            "checkpoint": self._checkpoint(size, tree), "hashes": [h.hex() for h in proof_of(leaves, index)],
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
        by = hashlib.sha256(_der(self.authority.key)).digest()
        at, signed = self._promise(before.tbs_certificate_bytes, by)
        log_id = hashlib.sha256(_der(self.certificates)).digest()
        one = b"\0" + log_id + at + b"\0\0" + signed
        listed = struct.pack("!HH", len(one) + 2, len(one)) + one
        return bytes([4, len(listed)]) + listed

    def _promise(self, tbs: bytes, by: bytes) -> tuple[bytes, bytes]:
        """Promise to log a certificate by the key with the sum `by`: when that was, and the signature."""
        at = struct.pack("!Q", int(time.time() * 1000))
        entry = b"\0\1" + by + struct.pack("!I", len(tbs))[1:] + tbs
        signed = self.certificates.sign(b"\0\0" + at + entry + b"\0\0", _SHA256)
        return at, b"\4\3" + struct.pack("!H", len(signed)) + signed

    def promised(self, chain: list[str]) -> dict[str, Any]:
        """The log's add-pre-chain (RFC 6962, 4.2)."""
        before, issuer = (x509.load_der_x509_certificate(base64.b64decode(each)) for each in chain[:2])
        spki = issuer.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        at, signed = self._promise(unpoisoned(before.tbs_certificate_bytes), hashlib.sha256(spki).digest())
        return {
            "sct_version": 0,
            "id": base64.b64encode(hashlib.sha256(_der(self.certificates)).digest()).decode(),
            "timestamp": int.from_bytes(at),
            "extensions": "",
            "signature": base64.b64encode(signed).decode(),
        }

    def _root(self) -> dict[str, Any]:
        known = self.roots or [self.authority.certificate]
        ders = [each.public_bytes(serialization.Encoding.DER) for each in known]
        chain = {"certificates": [{"rawBytes": base64.b64encode(each).decode()} for each in ders]}
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
            "caUrls": [{**one, "url": self.fulcio or self.url}],
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


@contextmanager
def certifying(here: Sigstore, program: Path) -> Iterator[None]:
    """Let a real Fulcio give the certificates until the end of the block, to addresses of mail.

    It must be in a network of its own, from which no way leads out.
    """
    assert len(Path("/proc/thread-self/net/route").read_text().splitlines()) == 1, "a way leads out of here"
    known = {here.url: {"IssuerURL": here.url, "ClientID": "sigstore", "Type": "email"}}
    (here.folder / "fulcio.json").write_text(json.dumps({"OIDCIssuers": known}))
    port, grpc = _free_ports(2)
    words: list[str | Path] = [
        program, "serve", "--ca=ephemeralca", f"--config-path={here.folder}/fulcio.json",
        "--host=127.0.0.1", f"--port={port}", "--grpc-host=127.0.0.1", f"--grpc-port={grpc}",
        # Its figures are for every address, on any port: it cannot be told otherwise.
        "--metrics-port=0", f"--legacy-unix-domain-socket={here.folder}/fulcio.sock",
        f"--ct-log-url={here.url}",
    ]  # fmt: skip
    with running(words, here.folder / "fulcio.log"):
        here.fulcio = f"http://127.0.0.1:{port}"
        told = Http(here.fulcio, attempts=8).request("GET", "/api/v2/trustBundle").json()
        (chain,) = told["chains"]
        here.roots = [x509.load_pem_x509_certificate(each.encode()) for each in chain["certificates"]]
        yield


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


class _Serving(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    here: Sigstore

    def do_GET(self) -> None:
        """Answer as an issuer, and a workflow of GitHub that asks who it is (`ACTIONS_ID_TOKEN_…`)."""
        self.here.asked.append(self.path)
        if self.path == "/.well-known/openid-configuration":
            told = {"issuer": self.here.url, "jwks_uri": f"{self.here.url}/keys"}
            self._answer(200, {**told, "id_token_signing_alg_values_supported": ["ES256"]})
            return
        if self.path == "/keys":
            key = {**self.here.issuer.as_dict(private=False), "alg": "ES256", "use": "sig", "kid": "1"}
            self._answer(200, {"keys": [key]})
            return
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
        elif self.path == "/ct/v1/add-pre-chain":
            self._answer(200, self.here.promised(asked["chain"]))
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
