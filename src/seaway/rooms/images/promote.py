"""Promotion: an image that passed its gates is copied, unchanged, into the next environment's registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from seaway.errors import Refused
from seaway.kit import moments
from seaway.model.event import Event, Outcome, Report
from seaway.model.fields import seconds
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.attest import holds
from seaway.rooms.images.copy import Copied, copy
from seaway.rooms.images.keyless import Author, Witness
from seaway.rooms.images.kinds import TYPES, predicate_type
from seaway.rooms.images.scans import counted, finished, worse
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.signatures import Signature, among
from seaway.rooms.images.spec import PromotionSpec, VoucherSpec
from seaway.rooms.images.statements import Said, attach, statements

#: What the target is told about a promotion.
PROMOTION: Final = "https://seaway.dev/attestation/promotion/v1"


@dataclass(frozen=True)
class Rules:
    """The gates of an environment, with their keys and identities.

    `scanned` is the key of a scanner and the worst that it may have found, `ran` how many seconds the image
    must have run in the environment before.
    """

    signed: tuple[Witness, ...] = ()
    attested: tuple[tuple[str, Witness], ...] = ()
    scanned: tuple[Witness, str] | None = None
    ran: int = 0

    @classmethod
    def of(cls, spec: PromotionSpec, key_of: Callable[[VoucherSpec], Witness]) -> Rules:
        """Read the keys and identities that the file names. Raises as `key_of` where one cannot be used."""
        signed = tuple(map(key_of, spec.signed))
        attested = tuple((kind, key_of(each)) for kind, each in spec.attested.items())
        scanned = (key_of(s.by), s.worst) if (s := spec.scanned) else None
        return cls(signed, attested, scanned, seconds(spec.ran) if spec.ran else 0)

    @property
    def keys(self) -> tuple[Witness, ...]:
        """Every key or identity that opens one of them."""
        scanner = (self.scanned[0],) if self.scanned else ()
        return (*self.signed, *(key for _, key in self.attested), *scanner)


@dataclass(frozen=True)
class Gate:
    """One condition, and whether it holds; `why` it does not."""

    name: str
    passed: bool
    why: str = ""

    def __str__(self) -> str:
        return f"{'passed' if self.passed else 'failed'}: {self.name}" + (
            f" ({self.why})" if self.why else ""
        )


@dataclass(frozen=True)
class Move:
    """From which environment and repository to which, and who wants it.

    `ran` tells for how many seconds images ran in the environment before, by digest, `migrations` what the
    image does to the data by the file, for whoever may want to go back behind it.
    """

    source: Shelf
    target: Shelf
    before: str
    after: str
    by: str
    ran: Mapping[str, float] = field(default_factory=dict)
    migrations: str = "expand"


@dataclass(frozen=True)
class Promoted:
    """What became of a promotion: the `image` at the target; `fresh` tells whether that lacked anything."""

    image: str
    digest: Digest
    gates: tuple[Gate, ...]
    copied: Copied
    fresh: bool


@dataclass(frozen=True)
class Weighed:
    """An image by its digest, and what its gates say."""

    image: ImageRef
    digest: Digest
    gates: tuple[Gate, ...]


def judge(
    rules: Rules, signed: Iterable[Signature], said: Sequence[Said], ran: float = 0
) -> tuple[Gate, ...]:
    """Decide every gate from what was found, and from how many seconds the image ran before; pure."""
    by = {each.by.hint for each in signed}
    gates = [
        Gate(f"signed by {key.name}", key.hint in by, "" if key.hint in by else "no signature of this key")
        for key in rules.signed
    ]
    for kind, key in rules.attested:
        wanted = predicate_type(kind)
        found = [s for s in said if s.predicate_type == wanted and s.by and s.by.hint == key.hint]
        passed = any(holds(each) for each in found)
        why = (
            "" if passed else "what is attested is that they did not pass" if found else "nothing of this key"
        )
        gates.append(Gate(f"{kind} attested by {key.name}", passed, why))
    if rules.scanned:
        gates.append(_scan(*rules.scanned, said))
    if rules.ran:
        why = f"it ran for {int(ran)} s" if ran else "it never ran there, as far as is known"
        gates.append(Gate(f"ran for {rules.ran} s before", ran >= rules.ran, "" if ran >= rules.ran else why))
    return tuple(gates)


def _scan(scanner: Witness, worst: str, said: Sequence[Said]) -> Gate:
    """Judge the newest report of a scanner; of several that do not say when they were made, the worst."""
    name = f"scanned by {scanner.name}: nothing worse than {worst}"
    reports = [
        each.predicate
        for each in said
        if each.predicate_type == TYPES["vulns"] and each.by and each.by.hint == scanner.hint
    ]
    if not reports:
        return Gate(name, passed=False, why="no report of this key")
    newest = max(map(finished, reports))
    counts = [counted(each) for each in reports if finished(each) == newest]
    if None in counts:
        return Gate(name, passed=False, why="its report is of no known form")
    bad = max((worse(each, worst) for each in counts if each is not None), key=len)
    return Gate(name, not bad, f"it found {', '.join(bad)}" if bad else "")


def weigh(image: ImageRef, source: Shelf, rules: Rules, ran: Mapping[str, float] | None = None) -> Weighed:
    """Ask the gates about an image. A tag that moves from here on changes nothing. Raises NotFound."""
    digest = source.find(image)
    said = statements(source, digest, rules.keys)
    signed = among(said, source, digest, rules.signed)
    return Weighed(image, digest, judge(rules, signed, said, (ran or {}).get(digest.value, 0)))


def promote(
    wanted: Mapping[str, tuple[ImageRef, Move]], rules: Rules, report: Report, key: Author | None = None
) -> dict[str, Promoted]:
    """Copy images with all that belongs to them, by the names of their services, once every gate holds.

    Each is recorded at its target and then named there by the same tag; a key signs the record. Raises
    Refused with every gate where one does not hold; nothing was changed then.
    """
    weighed = {name: weigh(image, move.source, rules, move.ran) for name, (image, move) in wanted.items()}
    if not all(gate.passed for each in weighed.values() for gate in each.gates):
        told = [f"{name}: {gate}" for name, each in weighed.items() for gate in each.gates]
        raise Refused(
            f"not every gate to {next(iter(wanted.values()))[1].after} holds", why="; ".join(told),
            remedy="seaway image sign, or seaway image attest, by whoever has the key that is missing",
        )  # fmt: skip
    return {name: _carry(name, weighed[name], move, report, key) for name, (_, move) in wanted.items()}


def _carry(name: str, weighed: Weighed, move: Move, report: Report, key: Author | None) -> Promoted:
    step, image, digest = f"images/{name}/promote", weighed.image, weighed.digest
    report(Event(step, Outcome.STARTED, f"copying {name} to {move.target}"))
    copied = copy(move.source, move.target, digest, report, step)
    recorded = _record(move, weighed, key)
    server, repository = move.target.server, move.target.repository
    named = bool(image.tag) and server.resolve(repository, image.tag) != digest.value
    if named:
        server.put_manifest(repository, image.tag, *server.manifest(repository, digest.value))
    arrived = f"{move.target}@{digest}"
    report(Event(step, Outcome.DONE, f"{name} is in {move.after}: {arrived}", 1.0))
    return Promoted(arrived, digest, weighed.gates, copied, recorded or named or bool(copied.blobs))


def promotions(shelf: Shelf, digest: Digest, keys: Iterable[Witness] = ()) -> list[Mapping[str, Any]]:
    """Read the records of an image's promotions where it lies."""
    found = statements(shelf, digest, keys)
    return [each.predicate for each in found if each.predicate_type == PROMOTION]


def _record(move: Move, weighed: Weighed, key: Author | None) -> bool:
    """Say at the target who promoted what from where, and which gates held; once."""
    digest = weighed.digest
    known = promotions(move.target, digest, [key.public] if key else [])
    source = f"{move.source}@{digest}"
    told = {"from": move.before, "to": move.after, "source": source, "migrations": move.migrations}
    if any(told.items() <= each.items() for each in known):
        return False
    gates = [gate.name for gate in weighed.gates]
    attach(move.target, digest, PROMOTION, {**told, "by": move.by, "at": moments.now(), "gates": gates}, key)
    return True
