"""A gate in front of the emulators that lets through what AWS would: it knows keys and reads policies.

moto's own enforcement knows neither things nor conditions, and takes keys that were made inactive. Who brings
the key ROOT may do all. A call that is refused is refused in the words of its service.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar
from xml.sax.saxutils import escape, unescape

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from seaway.model.identity import Key
from seaway.model.secret import Secret
from seaway.twin.authenticator import Holder
from seaway.twin.eks import ACCOUNT
from seaway.twin.wire import listening
from tests.providers.eks.proxy import Proxy, found_in
from tests.providers.eks.rules import Call, Context, Demand, Rules, allows, documents_of, principal

ROOT = "ROOT"
_NO = {
    "unknown": {"ec2": "AuthFailure", "eks": "UnrecognizedClientException"},
    "denied": {"ec2": "UnauthorizedOperation", "eks": "AccessDeniedException"},
}


class No(Exception):  # noqa: N818
    """Not let through: the error's code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Gate:
    """What the gate knows: whose each key is, what each may do, which token and tags a role's session has.

    `calls` are those that were let through, `asked` the actions that had to be allowed for them, each once
    and in the order of the first. `without` is an action that no policy gives, whatever it says. What was
    just made in IAM is not seen for as many calls as `lag` says.
    """

    def __init__(self, moto: str, eks: str, regions: Any) -> None:
        self.moto, self.eks = moto, eks
        self.owners: dict[str, tuple[str, str, str]] = {}
        self.sessions: dict[str, str] = {}
        self.tags: dict[str, Context] = {}
        self.calls: dict[str, None] = {}
        self.asked: dict[str, None] = {}
        self.without, self.lag = "", 0
        self._unseen: dict[str, int] = {}
        self.lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._active_keys: dict[str, set[str]] = {}
        self._policies: dict[tuple[str, str], list[Any]] = {}
        self.rules = Rules(self.client, regions)

    def client(self, service: str, region: str = "eu-central-1") -> Any:
        """Give a client that goes past the gate."""
        if (service, region) not in self._clients:
            keys: Any = {"aws_access_key_id": ROOT, "aws_secret_access_key": ROOT}
            made = boto3.client(service, endpoint_url=self.moto, region_name=region, **keys)  # type: ignore[call-overload]
            self._clients[service, region] = made
        return self._clients[service, region]

    @staticmethod
    def root() -> Key:
        """Give the key that may do all."""
        return Key(ROOT, Secret(ROOT))

    def forget(self) -> None:
        """Read keys and policies anew: somebody changed something."""
        self._policies.clear()
        self._active_keys.clear()

    def pass_(self, key: str, token: str, call: Call, signed: Any) -> None:
        """Let a call through. Raises No."""
        self._see(call)
        if key == ROOT:
            return
        kind, name, secret = self.owners.get(key, ("", "", ""))
        if not kind or not self._active(kind, name, key):
            raise No(
                _NO["unknown"].get(call.service, "InvalidClientTokenId"),
                "The security token included in the request is invalid.",
            )
        if not signed(secret, token):
            raise No("SignatureDoesNotMatch", "The request signature we calculated does not match")
        tags = self.tags.get(key, {})
        for each in self.rules.demands(call):
            demand = replace(each, context={**each.context, **tags})
            if not self.may(kind, name, demand):
                raise No(
                    _NO["denied"].get(call.service, "AccessDenied"),
                    f"User: arn:aws:iam::{ACCOUNT}:{kind}/{name} is not authorized to perform: "
                    f"{demand.action} on resource: {demand.arn} because no identity-based policy allows the "
                    f"{demand.action} action",
                )
            self.asked.setdefault(demand.action)
        self.calls.setdefault(call.name)

    def _see(self, call: Call) -> None:
        """Raise No for what AWS does not show yet."""
        new = {str(value) for name, value in call.given.items() if name.endswith("Name")}
        new = new if call.action.startswith("Create") else set()
        named = {str(call.given.get(name, "")) for name in ("UserName", "RoleName")} - new
        named.add(str(call.given.get("PolicyArn", "")).rpartition("/")[2])
        for name in named & self._unseen.keys():
            self._unseen[name] -= 1
            if self._unseen[name] >= 0:
                raise No("NoSuchEntity", f"{name} cannot be found.")
        self._unseen |= dict.fromkeys(new, self.lag)

    def may(self, kind: str, name: str, demand: Demand) -> bool:
        if (kind, name) not in self._policies:
            iam = self.client("iam")
            try:
                self._policies[kind, name] = documents_of(iam, kind, name)
            except iam.exceptions.NoSuchEntityException as error:
                raise No("NoSuchEntity", str(error)) from error
        return demand.action != self.without and allows(self._policies[kind, name], demand)

    def _active(self, kind: str, name: str, key: str) -> bool:
        if kind == "role":
            return True
        iam = self.client("iam")
        if name not in self._active_keys:
            try:
                keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
            except iam.exceptions.NoSuchEntityException:
                keys = []
            self._active_keys[name] = {each["AccessKeyId"] for each in keys if each["Status"] == "Active"}
        return key in self._active_keys[name]

    def get(self, key: str, /) -> Holder | None:
        """Tell whose a key is, for who checks tokens: the emulated STS says who, and IAM at which path."""
        with self.lock:
            kind, name, secret = self.owners.get(key, ("", "", ""))
            if not kind:
                return None
            keys: Any = {"aws_access_key_id": key, "aws_secret_access_key": secret}
            sts = boto3.client("sts", endpoint_url=self.moto, region_name="eu-central-1", **keys)
            seen = sts.get_caller_identity()
            arn = self.client("iam").get_role(RoleName=name)["Role"]["Arn"] if kind == "role" else seen["Arn"]
            session, active = self.sessions.get(key, ""), self._active(kind, name, key)
            return Holder(seen["Arn"], arn, seen["UserId"], secret, session, active)

    def works(self, key: str, secret: str) -> bool:
        """Tell whether a key, with this secret half, would be let in now."""
        kind, name, known = self.owners.get(key, ("", "", ""))
        return secret == known and self._active(kind, name, key)

    def learn(self, call: Call, body: str) -> None:
        """Keep whose a new key is, which no other answer tells; policies may be others after any change."""
        if call.service == "iam" and not call.action.startswith(("Get", "List")):
            self.forget()
        if call.name in {"iam:CreateAccessKey", "sts:AssumeRole"}:
            key, secret = (
                found_in(f"<{name}>(.+?)</{name}>", body) for name in ("AccessKeyId", "SecretAccessKey")
            )
            if call.service == "iam":
                self.owners[key] = ("user", call.given["UserName"], secret)
            else:
                self.owners[key] = ("role", call.given["RoleArn"].rpartition("/")[2], secret)
                self.tags[key] = principal(call.given)
                self.sessions[key] = unescape(found_in("<SessionToken>(.+?)</SessionToken>", body))

    def simulate(self, call: Call) -> bytes:
        """Answer iam:SimulatePrincipalPolicy, which moto does not know; nothing for other calls."""
        given = call.given
        if call.name != "iam:SimulatePrincipalPolicy":
            return b""
        kind, _, path = given["PolicySourceArn"].rpartition(":")[2].partition("/")
        context = {
            given[f"ContextEntries.member.{i}.ContextKeyName"]: given[
                f"ContextEntries.member.{i}.ContextKeyValues.member.1"
            ]
            for i in range(1, 10)
            if f"ContextEntries.member.{i}.ContextKeyName" in given
        }
        arn = given.get("ResourceArns.member.1", "*")
        members = ""
        for name, action in given.items():
            if name.startswith("ActionNames.member."):
                may = self.may(kind, path.rpartition("/")[2], Demand(action, arn, context))
                members += (
                    f"<member><EvalActionName>{escape(action)}</EvalActionName>"
                    f"<EvalResourceName>{escape(arn)}</EvalResourceName>"
                    f"<EvalDecision>{'allowed' if may else 'implicitDeny'}</EvalDecision></member>"
                )
        return (
            '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
            f"<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{members}"
            "</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        ).encode()


class _Handler(Proxy):
    gate: ClassVar[Gate]

    def _answer(self) -> None:
        key, call, body = self.heard()
        with self.gate.lock:
            try:
                self.gate.pass_(
                    key,
                    self.headers.get("X-Amz-Security-Token", ""),
                    call,
                    lambda secret, token: self._signed(Credentials(key, secret, token or None), call, body),
                )
                simulated = self.gate.simulate(call)
            except No as no:
                self.refuse(call.service, 404 if no.code == "NoSuchEntity" else 403, no.code, no.message)
                return
            if simulated:
                status, headers, answer = 200, {"Content-Type": "text/xml"}, simulated
            else:
                status, headers, answer = self.forward(call.service, body)
            if status < 300:
                self.gate.learn(call, answer.decode())
        self.reply(status, headers, answer)

    do_GET = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815

    def _signed(self, credentials: Credentials, call: Call, body: bytes) -> bool:
        """Make the signature again that the request should carry (AWS SigV4)."""
        told = self.headers["Authorization"]
        names = found_in(r"SignedHeaders=([^,]+)", told).split(";")
        headers = {name: self.headers[name] for name in names}
        url = f"http://{self.headers['Host']}{self.path}"
        request = AWSRequest(self.command, url, headers=headers, data=body)
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        auth = SigV4Auth(credentials, call.service, call.region)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return f"Signature={auth.signature(text, request)}" in told


@contextmanager
def guarded(moto: str, eks: str, regions: Any) -> Iterator[tuple[str, Gate]]:
    """Put a gate before both. Gives its URL."""
    gate = Gate(moto, eks, regions)
    with listening(type("GateHandler", (_Handler,), {"gate": gate, "moto": moto, "eks": eks}), None) as port:
        yield f"http://127.0.0.1:{port}", gate
