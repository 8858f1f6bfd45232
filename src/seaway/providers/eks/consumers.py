"""Where the key of a user is kept for who uses it: a file of CI, a Secret of Kubernetes, Secrets Manager."""

from __future__ import annotations

import base64
import configparser
import io
import json
import os
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seaway.errors import Refused, SeawayError, UsageError
from seaway.kit import kubeconfig
from seaway.kit.kube import Kube, Ref
from seaway.model.identity import Key
from seaway.model.secret import Secret
from seaway.ports.identities import Consumer
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.parts import listed

#: The names by which every SDK of AWS takes a key from the environment.
ID: Final = "AWS_ACCESS_KEY_ID"
SECRET: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105  (a name)
#: What a tag of IAM can hold (IAM API, Tag), since that is where consumers are noted.
_TAG: Final = re.compile(r"[\w .:/=+@-]{1,256}", re.ASCII)
_FORMS: Final = "file:PATH, kubernetes:CONTEXT/NAMESPACE/NAME, or secretsmanager:NAME"


def consumer(text: str, cloud: Cloud) -> Consumer:
    """Read where a key is kept. Nothing is asked yet. Raises UsageError for what is no such place."""
    kind, _, rest = text.partition(":")
    if rest and _TAG.fullmatch(text):
        if kind == "file" and Path(rest).is_absolute():
            return FileConsumer(text, Path(rest))
        if kind == "secretsmanager":
            return ManagedConsumer(text, cloud, rest)
        if kind == "kubernetes" and rest.count("/") > 1:
            return KubernetesConsumer(text, *rest.rsplit("/", 2))
    raise UsageError(
        f"no such place for a key: {text}",
        why="paths are absolute; letters, digits and _.:/=+-@ can be noted with the user",
        remedy=_FORMS,
    )


@dataclass(frozen=True)
class FileConsumer:
    """A file as the aws command has it (AWS SDKs reference, shared credentials file), for its owner only."""

    name: str
    path: Path

    def held(self) -> Key | None:
        if not self.path.exists():
            return None
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(self.path.read_text())
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise self._foreign("it cannot be read as a credentials file") from error
        if parser.sections() != ["default"] or set(parser["default"]) - {ID.lower(), SECRET.lower()}:
            raise self._foreign("it holds more than one key of its own, or something else")
        return _key({name.upper(): text for name, text in parser["default"].items()})

    def give(self, key: Key) -> None:
        """Write it beside and put it in place, so that nobody reads a half; the owner stays."""
        real = self.path.resolve()
        before = real.stat() if real.exists() else None
        text = io.StringIO()
        parser = configparser.RawConfigParser()
        parser["default"] = {ID.lower(): key.id, SECRET.lower(): key.secret.reveal()}
        parser.write(text)
        fresh = real.with_name(f".{real.name}.seaway-new")
        try:
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w") as out:
                if before and before.st_uid != os.geteuid():
                    os.fchown(descriptor, before.st_uid, before.st_gid)
                out.write(text.getvalue())
                out.flush()
                os.fsync(descriptor)
            fresh.replace(real)
        except OSError as error:
            raise SeawayError(
                f"{self.name} cannot be written", why=str(error), remedy="make the folder, or name another"
            ) from error

    def _foreign(self, why: str) -> Refused:
        return Refused(f"{self.name} is not written over", why=why, remedy="name a file of its own")


@dataclass(frozen=True)
class KubernetesConsumer:
    """A Secret, reached through a context of your kubeconfig; other entries of it stay as they are."""

    name: str
    context: str
    namespace: str
    secret: str

    def held(self) -> Key | None:
        with closing(self._kube()) as kube:
            found = kube.get(self._ref())
        data = (found or {}).get("data") or {}
        return _key({name: base64.b64decode(data[name]).decode() for name in (ID, SECRET) if name in data})

    def give(self, key: Key) -> None:
        texts = {ID: key.id, SECRET: key.secret.reveal()}
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.secret,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/managed-by": "seaway"},
            },
            "data": {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()},
        }
        with closing(self._kube()) as kube:
            kube.apply(manifest)

    def _ref(self) -> Ref:
        return Ref("v1", "Secret", self.secret, self.namespace)

    def _kube(self) -> Kube:
        return Kube.from_kubeconfig(str(kubeconfig.location()), self.context)


@dataclass(frozen=True)
class ManagedConsumer:
    """A secret of Secrets Manager: a JSON object, of which other entries stay as they are."""

    name: str
    cloud: Cloud
    secret: str

    def held(self) -> Key | None:
        return _key(self._entries() or {})

    def give(self, key: Key) -> None:
        now = self._entries()
        text = json.dumps({**(now or {}), ID: key.id, SECRET: key.secret.reveal()})
        with explained(f"{self.name} cannot be written"):
            if now is None:
                tags = listed({"app.kubernetes.io/managed-by": "seaway"})
                self.cloud.secrets.create_secret(Name=self.secret, SecretString=text, Tags=tags)
            else:
                self.cloud.secrets.put_secret_value(SecretId=self.secret, SecretString=text)

    def _entries(self) -> dict[str, Any] | None:
        """Read the secret; None where there is none."""
        client = self.cloud.secrets
        with explained(f"{self.name} cannot be read"):
            try:
                text = client.get_secret_value(SecretId=self.secret).get("SecretString", "")
            except client.exceptions.ResourceNotFoundException:
                return None
        try:
            entries = json.loads(text)
        except ValueError:
            entries = None
        if not isinstance(entries, dict):
            raise Refused(
                f"{self.name} is not written over",
                why="it holds something else than a JSON object",
                remedy="name a secret of its own",
            )
        return entries


def _key(found: Mapping[str, Any]) -> Key | None:
    """Make a key of its two halves; one alone is none."""
    if not (found.get(ID) and found.get(SECRET)):
        return None
    return Key(str(found[ID]), Secret(str(found[SECRET])))
