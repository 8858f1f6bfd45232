"""AWS on a bad day, between boto3 and the emulators: faults, answers in pages, and what is seen late.

A proxy of our own, and not microburst of PyPI: that one draws its faults without a seed, does not bound how
often one request fails in a row, and cannot have each call that changes something lose its answer just once.
"""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from itertools import cycle
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlencode
from xml.etree import ElementTree as ET

import botocore.session

from seaway.twin.inventory import Aws
from seaway.twin.quiet import Answer
from seaway.twin.wire import listening
from tests.providers.eks.proxy import Proxy
from tests.providers.eks.rules import Call

_READS: Final = ("Describe", "List", "Get")


class Fault(StrEnum):
    """What goes wrong with a request."""

    THROTTLED = "too many calls"
    FAILED = "HTTP 5xx"
    FAILED_LATE = "HTTP 5xx for what was carried out"
    RESET = "a reset"
    LOST = "a reset for what was carried out"
    SLOW = "an answer that comes too late, for what was carried out"


#: How each service says so (API references: Common errors; EC2: Request throttling).
_SAID: Final = {
    Fault.THROTTLED: {
        "acm": (400, "ThrottlingException"),
        "ec2": (503, "RequestLimitExceeded"),
        "ecr": (400, "ThrottlingException"),
        "eks": (429, "ThrottlingException"),
        "iam": (400, "Throttling"),
        "route53": (400, "Throttling"),
        "sts": (400, "Throttling"),
    },
    Fault.FAILED: {
        "acm": (500, "InternalFailure"),
        "ec2": (500, "InternalError"),
        "ecr": (500, "ServerException"),
        "eks": (503, "ServiceUnavailableException"),
        "iam": (500, "ServiceFailure"),
        "route53": (500, "InternalFailure"),
        "sts": (500, "InternalFailure"),
    },
}
SERVICES: Final = tuple(_SAID[Fault.FAILED])
#: Chooses the fault of a request, if any, by its call and all that it holds.
Choose = Callable[[Call, bytes], Fault | None]


class Dealt:
    """Faults by chance: of each service every kind once, in an order of the seed, and again from the start.

    The first requests of a service all fail until each kind was dealt, and then some. One and the same
    request fails twice in a row at most. Answers that come too late are few: each takes a client's patience.
    """

    ROW: Final = 2
    LATE: Final = 1
    SHARE: Final = 0.2

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._decks: dict[str, list[Fault]] = {}
        self._rows: Counter[bytes] = Counter()
        self._lock = threading.Lock()
        self.dealt: Counter[tuple[str, Fault]] = Counter()

    def __call__(self, call: Call, request: bytes) -> Fault | None:
        with self._lock:
            all_ = all(self.dealt[call.service, each] for each in Fault)
            if self._rows[request] >= self.ROW or (all_ and self._chance.random() > self.SHARE):
                self._rows[request] = 0
                return None
            self._rows[request] += 1
            deck = self._decks.get(call.service) or self._shuffled(call.service)
            fault = deck.pop()
            self._decks[call.service] = deck
            self.dealt[call.service, fault] += 1
            return fault

    def _shuffled(self, service: str) -> list[Fault]:
        late = self.dealt[service, Fault.SLOW] < self.LATE
        deck = [each for each in Fault if late or each is not Fault.SLOW]
        self._chance.shuffle(deck)
        return deck


class Once:
    """These faults by turns, one for each call that changes something, the first time that it comes."""

    def __init__(self, *faults: Fault, only: str = "") -> None:
        self._turns, self._only = cycle(faults), only
        self.met: Counter[str] = Counter()
        self._seen: set[bytes] = set()
        self._lock = threading.Lock()

    def __call__(self, call: Call, request: bytes) -> Fault | None:
        with self._lock:
            if call.action.startswith(_READS) or self._only not in call.name or request in self._seen:
                return None
            self._seen.add(request)
            self.met[call.name] += 1
            return next(self._turns)


class _Faulty(Proxy):
    choose: ClassVar[Choose]

    def _answer(self) -> None:
        _, call, body = self.heard()
        fault = type(self).choose(call, self.path.encode() + body)
        if fault in {Fault.THROTTLED, Fault.FAILED}:
            self.refuse(call.service, *_SAID[fault][call.service], "come again")
            return
        if fault is Fault.RESET:
            self._reset()
            return
        answer = self.forward(call.service, body)
        if fault is None:
            self.reply(*answer)
        elif fault is Fault.FAILED_LATE:
            self.refuse(call.service, *_SAID[Fault.FAILED][call.service], "come again")
        else:
            if fault is Fault.SLOW:
                time.sleep(LATE)
            self._reset()

    do_GET = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815

    def _reset(self) -> None:
        """End the connection by a reset: closed while it lingers for no time (socket(7), SO_LINGER)."""
        with socket.socket(fileno=self.connection.detach()) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


#: Seconds that a client of these tests waits for an answer, and after which a late one comes.
WAITS: Final = 2.0
LATE: Final = 2.2


#: By which parameter each service is asked for a further page.
_TOKENS: Final = {"ec2": "NextToken", "ecr": "nextToken", "iam": "Marker"}


class _Paged(Proxy):
    """Gives lists in pages of `size`, and an empty one first, as where a filter leaves nothing of it.

    Before all repositories of ECR stand so many `others`.
    """

    size: ClassVar[int]
    others: ClassVar[int]
    followed: ClassVar[Counter[str]]

    def _answer(self) -> None:
        _, call, body = self.heard()
        if not _pageable(call):
            self.reply(*self.forward(call.service, body))
            return
        begin = int(call.given.pop(_TOKENS[call.service], -self.size))
        self.followed[call.name] += begin >= 0
        whole = (
            json.dumps(call.given)
            if call.service == "ecr"
            else urlencode({"Action": call.action, **call.given})
        )
        answer = self.forward(call.service, whole.encode())
        if call.service == "ecr":
            page = _json_page(answer[2], begin, begin + self.size, self.others)
        else:
            page = _xml_page(answer[2], begin, begin + self.size)
        self.reply(answer[0], answer[1], page)

    do_GET = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815


def _pageable(call: Call) -> bool:
    """Tell whether AWS gives this in pages: what botocore has a paginator for, where no ids are given."""
    if call.service not in _TOKENS or any(
        re.fullmatch(r"(?!Filter)\w+\.1|\w+Names", key) for key in call.given
    ):
        return False
    try:
        return bool(_paginators(call.service).get_paginator(call.action))
    except ValueError:
        return False


@cache
def _paginators(service: str) -> Any:
    return botocore.session.get_session().get_paginator_model(service)


def _json_page(body: bytes, begin: int, end: int, others: int) -> bytes:
    found = json.loads(body)["repositories"]
    all_ = [{"repositoryName": f"a/{i}"} for i in range(others)] + found
    more = {"nextToken": str(end)} if end < len(all_) else {}
    return json.dumps({"repositories": all_[max(begin, 0) : end], **more}).encode()


def _xml_page(body: bytes, begin: int, end: int) -> bytes:
    document = ET.fromstring(body)  # noqa: S314  (an emulator's)
    space = document.tag.partition("}")[0] + "}"
    listed = _listed(document)
    items = [] if listed is None else list(listed)
    for i, item in enumerate(items):
        if listed is not None and not begin <= i < end:
            listed.remove(item)
    if end < len(items):
        result = next((each for each in document if each.tag.endswith("Result")), None)
        if result is None:
            ET.SubElement(document, f"{space}nextToken").text = str(end)
        else:
            for old in [each for each in result if each.tag in {f"{space}IsTruncated", f"{space}Marker"}]:
                result.remove(old)
            ET.SubElement(result, f"{space}IsTruncated").text = "true"
            ET.SubElement(result, f"{space}Marker").text = str(end)
    return ET.tostring(document)


def _listed(document: ET.Element) -> ET.Element | None:
    """Find the list of an answer: a set of items of EC2, or members of IAM."""
    inside = (each for top in document for each in (top, *top))
    return next((each for each in inside if len(each) and each[0].tag.endswith(("}item", "}member"))), None)


class _Late(Proxy):
    """Shows what was made only when asked again, and lets it be used later still, by EKS last of all."""

    #: How often each thing that was made is not seen yet, by who asks.
    LATE: Final = {"shown": 1, "used": 1, "eks": 2}
    made: ClassVar[dict[str, Counter[str]]]
    refused: ClassVar[Counter[str]]

    def _answer(self) -> None:
        _, call, body = self.heard()
        reads, text = call.action.startswith(_READS), unquote(body.decode())
        who = "eks" if call.service == "eks" else "shown" if reads else "used"
        hidden = {name for name, left in self.made.items() if left[who] > 0}
        listing = reads and call.service == "ec2"
        if not listing and (name := next((each for each in hidden if each in text), "")):
            self.made[name][who] -= 1
            self.refused[call.service] += 1
            self.refuse(call.service, *_unseen(call.service, name))
            return
        answer = self.forward(call.service, body)
        self.made.update({name: Counter(self.LATE) for name in _new(call, text, answer[2].decode())})
        if listing:
            answer, missed = _without(answer, hidden)
            for name in missed:
                self.made[name][who] -= 1
        self.reply(*answer)

    do_GET = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815


def _new(call: Call, asked: str, told: str) -> set[str]:
    """Read what a call made: the ids that come up in its answer, or the name that it gave."""
    if call.service == "ec2" and not call.action.startswith(_READS):
        return {
            id_ for id_ in re.findall(r"\b(?:vpc|subnet|igw|rtb|eipalloc|nat)-\w+", told) if id_ not in asked
        }
    names = {"iam:CreateRole": "RoleName", "ecr:CreateRepository": "repositoryName"}
    return {call.given[names[call.name]]} if call.name in names else set()


def _unseen(service: str, name: str) -> tuple[int, str, str]:
    """Say that a thing is not there, as each service does (API references; those of EKS as it says them)."""
    kinds = {"igw": "InternetGateway", "rtb": "RouteTable", "eipalloc": "Allocation", "vpc": "Vpc"}
    kind = kinds.get(name.partition("-")[0], name.partition("-")[0].capitalize())
    not_found = f"Invalid{kind}ID.NotFound"
    if service == "iam":
        return 404, "NoSuchEntity", f"The role with name {name} cannot be found."
    if service == "ecr":
        return 400, "RepositoryNotFoundException", f"The repository with name '{name}' does not exist"
    if service == "ec2":
        return 400, not_found, f"The ID '{name}' does not exist"
    said = f"Role with arn: {name}, could not be assumed because it does not exist"
    if name.startswith("subnet-"):
        said = f"The subnet ID '{name}' does not exist (Service: AmazonEC2; Error Code: {not_found})"
    return 400, "InvalidParameterException", said


def _without(answer: Answer, hidden: set[str]) -> tuple[Answer, set[str]]:
    """Leave out of a list of EC2 what is not seen yet; gives what that was."""
    status, headers, body = answer
    document, missed = ET.fromstring(body), set[str]()  # noqa: S314  (an emulator's)
    listed = _listed(document)
    if listed is not None:
        for item in list(listed):
            if found := hidden & {str(child.text) for child in item}:
                listed.remove(item)
                missed |= found
    return (status, headers, ET.tostring(document)), missed


class No:
    """AWS says no to these actions, each with a code of its own, once so many of its calls were let through.

    `meanwhile` is done as it says so.
    """

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.passes: Counter[str] = Counter()
        self.meanwhile: Callable[[], object] = int

    def __call__(self, call: Call) -> str:
        """Give the code of a refusal, or nothing."""
        if call.name not in self.codes or self.passes[call.name] > 0:
            self.passes[call.name] -= 1
            return ""
        self.meanwhile()
        return self.codes[call.name]


class _Refusing(Proxy):
    no: ClassVar[No]

    def _answer(self) -> None:
        _, call, body = self.heard()
        if code := self.no(call):
            self.refuse(call.service, 400, code, f"no {call.action}")
        else:
            self.reply(*self.forward(call.service, body))

    do_GET = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815


@contextmanager
def refusing(aws: Aws) -> Iterator[tuple[str, No]]:
    """Have AWS say no. Gives the URL, and what to set it by."""
    no = No()
    with _before(aws, _Refusing, no=no) as url:
        yield url, no


@contextmanager
def faulty(aws: Aws, choose: Choose) -> Iterator[str]:
    """Put faults before all services. Gives the URL."""
    with _before(aws, _Faulty, choose=staticmethod(choose)) as url:
        yield url


@contextmanager
def paged(aws: Aws, size: int, others: int = 0) -> Iterator[tuple[str, Counter[str]]]:
    """Give all lists in pages of so many. Gives the URL, and how many further pages were asked for."""
    followed: Counter[str] = Counter()
    with _before(aws, _Paged, followed=followed, size=size, others=others) as url:
        yield url, followed


@contextmanager
def late(aws: Aws) -> Iterator[tuple[str, Counter[str]]]:
    """Show late what is made. Gives the URL, and how often each service said that a thing is not there."""
    refused: Counter[str] = Counter()
    with _before(aws, _Late, made={}, refused=refused) as url:
        yield url, refused


@contextmanager
def _before(aws: Aws, handler: type[Proxy], **held: Any) -> Iterator[str]:
    shared = {"moto": aws.moto, "eks": aws.eks, **held}
    with listening(type(handler.__name__, (handler,), shared), None) as port:
        yield f"http://127.0.0.1:{port}"
