"""The access keys of a user of IAM, with the notes of their rotation as tags of the user."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from botocore.exceptions import ClientError

from seaway.model.identity import Key, KeyFacts
from seaway.model.secret import Secret
from seaway.ports.identities import Ring
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.parts import code_of, listed, tags_in

OLD: Final = "seaway.dev/rotating-from"
SINCE: Final = "seaway.dev/inactive-since"
CONSUMER: Final = "seaway.dev/consumer-"
#: What is noted where there was no key before; a tag may have an empty value, and a person may wonder.
NONE: Final = "none"
#: What AWS says of a key that it does not know, or not with this secret half.
_UNKNOWN: Final = frozenset({"InvalidClientTokenId", "SignatureDoesNotMatch"})


@dataclass(frozen=True)
class IamKeys:
    """Implements ports.UserKeys for `user`, the name that IAM has of the identity `name`."""

    cloud: Cloud
    name: str
    user: str

    def look(self) -> Ring:
        with self._explained("show the keys"):
            tags = tags_in(dict(self.cloud.iam.get_user(UserName=self.user)["User"]))
            keys = keys_of(self.cloud, self.user)
        old, since = tags.get(OLD), tags.get(SINCE)
        return Ring(
            keys,
            "" if old == NONE else old,
            datetime.fromisoformat(since) if since else None,
            consumers_in(tags),
        )

    def remember(self, consumers: tuple[str, ...]) -> None:
        with self._explained("note the consumers"):
            tags = tags_in(dict(self.cloud.iam.get_user(UserName=self.user)["User"]))
            wanted = {f"{CONSUMER}{i}": each for i, each in enumerate(consumers)}
            self.cloud.iam.tag_user(UserName=self.user, Tags=listed(wanted))
            if gone := [key for key in tags if key.startswith(CONSUMER) and key not in wanted]:
                self.cloud.iam.untag_user(UserName=self.user, TagKeys=gone)

    def begin(self, old: str) -> None:
        with self._explained("note the rotation"):
            self.cloud.iam.untag_user(UserName=self.user, TagKeys=[SINCE])
        self._note(OLD, old or NONE)

    def make(self) -> Key:
        with self._explained("make a key"):
            made = self.cloud.iam.create_access_key(UserName=self.user)["AccessKey"]
        return Key(made["AccessKeyId"], Secret(made["SecretAccessKey"]))

    def works(self, key: Key) -> bool:
        theirs, end = self.cloud.signed_by(key), time.monotonic() + self.cloud.patience
        with self._explained("say whose a key is"):
            while True:
                try:
                    return theirs.sts.get_caller_identity()["Arn"].rpartition("/")[2] == self.user
                except ClientError as error:
                    if code_of(error) not in _UNKNOWN:
                        raise
                if time.monotonic() > end:
                    return False
                time.sleep(self.cloud.pace)

    def switch(self, key: str, *, on: bool) -> None:
        with self._explained("change a key"):
            self.cloud.iam.update_access_key(
                UserName=self.user, AccessKeyId=key, Status="Active" if on else "Inactive"
            )

    def since(self, moment: datetime) -> None:
        self._note(SINCE, moment.isoformat(timespec="seconds"))

    def used(self, key: str) -> str:
        with self._explained("show when a key was used"):
            last = self.cloud.iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
        if not (moment := last.get("LastUsedDate")):
            return ""
        return f"{moment:%Y-%m-%d %H:%M} UTC, for {last['ServiceName']} in {last['Region']}"

    def remove(self, key: str) -> None:
        client = self.cloud.iam
        with self._explained("delete a key"), suppress(client.exceptions.NoSuchEntityException):
            client.delete_access_key(UserName=self.user, AccessKeyId=key)

    def finish(self) -> None:
        with self._explained("end the rotation"):
            self.cloud.iam.untag_user(UserName=self.user, TagKeys=[OLD, SINCE])

    def _note(self, key: str, value: str) -> None:
        with self._explained("note the rotation"):
            self.cloud.iam.tag_user(UserName=self.user, Tags=listed({key: value}))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        with explained(f"AWS refused to {what} of {self.name}"):
            yield


def keys_of(cloud: Cloud, user: str) -> tuple[KeyFacts, ...]:
    """List the keys of a user; a secret half is never given again."""
    pages = cloud.iam.get_paginator("list_access_keys").paginate(UserName=user)
    return tuple(
        KeyFacts(each["AccessKeyId"], each["Status"] == "Active", each["CreateDate"])
        for page in pages
        for each in page["AccessKeyMetadata"]
    )


def consumers_in(tags: dict[str, str]) -> tuple[str, ...]:
    """Read where a user's key is kept."""
    noted = {int(key.removeprefix(CONSUMER)): tags[key] for key in tags if key.startswith(CONSUMER)}
    return tuple(noted[i] for i in sorted(noted))
