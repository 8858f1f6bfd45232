"""The proof that a name is ours, put before the gateway's visitors for as long as an ACME server may look."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import httpx2 as httpx

from seaway.errors import SeawayError
from seaway.kit.kube import Kube, Manifest
from seaway.pilot.readings import PATIENCE, proxies
from seaway.rooms.acme.challenge import PROXY_PORT, Exhibit, challenge, challenge_refs

#: Seconds in which every proxy must show it.
SHOWN: Final = 60.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proof:
    """The challenges of one system's public names; their objects go with `owner` at the latest."""

    kube: Kube
    system: str
    names: int
    owner: Manifest
    leads: Callable[[], bool]
    stop: threading.Event

    def show(self, exhibits: Sequence[Exhibit]) -> str:
        """Have every proxy answer with the proofs, and see that it does: a look in vain counts against us.

        Gives why that did not come about, or nothing.
        """
        if not self.leads():
            return "another pilot leads, or nobody may at this moment"
        try:
            for manifest in challenge(self.system, exhibits, self.owner):
                self.kube.apply(manifest)
            return self._await(exhibits)
        except SeawayError as error:
            return " ".join(filter(None, (str(error), error.why)))

    def clear(self) -> None:
        """Take them away; what cannot be taken away now is replaced by the next ones."""
        try:
            for ref in challenge_refs(self.system, self.names) if self.leads() else ():
                self.kube.delete(ref)
        except SeawayError as error:
            log.warning("the challenge stays for now: %s %s", error, error.why)

    def _await(self, exhibits: Sequence[Exhibit]) -> str:
        ends = time.monotonic() + SHOWN
        while True:
            found = proxies(self.kube, self.system)
            asked = ((pod, each) for pod in found.values() for each in exhibits)
            wrong = [why for pod, each in asked if (why := _complaint(pod, each))]
            if found and not wrong:
                return ""
            if time.monotonic() > ends or self.stop.wait(0.5):
                return f"the gateway does not show the proof: {wrong[0] if wrong else 'no proxy runs'}"


def _complaint(pod: Manifest, exhibit: Exhibit) -> str:
    """Ask one proxy as a visitor would."""
    address = pod["status"]["podIP"]
    place = f"[{address}]" if ":" in address else address
    url = f"http://{place}:{PROXY_PORT}{exhibit.place}"
    try:
        answer = httpx.get(url, headers={"Host": exhibit.name}, timeout=PATIENCE, trust_env=False)
    except httpx.HTTPError as error:
        return f"{pod['metadata']['name']}: {str(error) or type(error).__name__}"
    if answer.status_code == httpx.codes.OK and answer.text.strip() == exhibit.proof:
        return ""
    return f"{pod['metadata']['name']} answers {answer.status_code} at {exhibit.name}{exhibit.place}"
