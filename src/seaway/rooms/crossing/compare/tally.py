"""What was compared so far, by route of a crossing. Bounded, and as JSON the same again.

A place at which the old side's own answers differ is noise, as long as the new side does not differ there too
often. What comes by chance, on both sides alike, sets apart each of the three answers equally often: in one
of three cases the new one (at most), in the others one of the old side's. More than that is a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from seaway.rooms.crossing.compare.bounds import tail, upper
from seaway.rooms.crossing.compare.contrast import Comparison, Example, example_from

#: Kinds of difference, and unstable places, that are told apart for one route.
KINDS: Final = 50
PLACES: Final = 200
#: The new one is one of three answers; how improbable a chance may be before it is none.
ONE_OF_THREE: Final = 1 / 3
IMPROBABLE: Final = 0.05
#: Reasons why comparisons were left out that are told apart for one crossing.
REASONS: Final = 20


@dataclass(frozen=True)
class Kind:
    """Differences at the same places: how many, and the first of them."""

    count: int
    example: Example


@dataclass(frozen=True)
class RouteTally:
    """`beyond` are differences of kinds that had no room; they are never explained."""

    compared: int = 0
    equal: int = 0
    kinds: Mapping[tuple[str, ...], Kind] = field(default_factory=dict)
    beyond: int = 0
    unstable: Mapping[str, int] = field(default_factory=dict)

    @property
    def different(self) -> int:
        return self.compared - self.equal

    @property
    def noise(self) -> dict[str, int]:
        """Where the old side differs by itself, and how often; not where the new one differs too often."""
        new: dict[str, int] = {}
        for places, kind in self.kinds.items():
            for place in places:
                new[place] = new.get(place, 0) + kind.count
        return {p: count for p, count in self.unstable.items() if _by_chance(new.get(p, 0), count)}

    @property
    def unexplained(self) -> int:
        """Differences at a place that is no noise."""
        noise = self.noise
        return self.beyond + sum(
            k.count for places, k in self.kinds.items() if not noise.keys() >= set(places)
        )

    def top(self) -> list[tuple[tuple[str, ...], Kind]]:
        """List the unexplained kinds, the most frequent first, each with the places that are no noise."""
        noise = self.noise
        left = {places: tuple(p for p in places if p not in noise) for places in self.kinds}
        found = [(left[places], kind) for places, kind in self.kinds.items() if left[places]]
        return sorted(found, key=lambda each: (-each[1].count, each[0]))

    def add(self, found: Comparison) -> RouteTally:
        """Count one comparison more."""
        tally = replace(
            self,
            compared=self.compared + 1,
            equal=self.equal + (not found.different),
            unstable=_counted(self.unstable, found.unstable, PLACES),
        )
        if not found.different or found.example is None:
            return tally
        known = self.kinds.get(found.different)
        if known is None and len(self.kinds) >= KINDS:
            return replace(tally, beyond=self.beyond + 1)
        kind = replace(known, count=known.count + 1) if known else Kind(1, found.example)
        return replace(tally, kinds={**self.kinds, found.different: kind})

    def trimmed(self, most: int) -> RouteTally:
        """Keep the most frequent kinds only; the rest are differences beyond."""
        ordered = sorted(self.kinds.items(), key=lambda each: -each[1].count)
        rest = sum(kind.count for _, kind in ordered[most:])
        return replace(self, kinds=dict(ordered[:most]), beyond=self.beyond + rest)

    def as_json(self) -> dict[str, Any]:
        """Give what is kept, and what follows from it."""
        kinds = [
            {"places": list(places), "count": kind.count, "example": asdict(kind.example)}
            for places, kind in self.kinds.items()
        ]
        return {
            "compared": self.compared,
            "equal": self.equal,
            "different": self.different,
            "unexplained": self.unexplained,
            "share": self.unexplained / self.compared if self.compared else 0.0,
            "bound": upper(self.unexplained, self.compared),
            "noise": self.noise,
            "kinds": kinds,
            "beyond": self.beyond,
            "unstable": dict(self.unstable),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> RouteTally:
        """Read what was kept. Raises KeyError, TypeError or ValueError where it is none."""
        return cls(
            compared=int(found["compared"]),
            equal=int(found["equal"]),
            kinds={
                tuple(map(str, kind["places"])): Kind(int(kind["count"]), example_from(kind["example"]))
                for kind in found["kinds"][:KINDS]
            },
            beyond=int(found["beyond"]),
            unstable={str(place): int(count) for place, count in found["unstable"].items()},
        )


@dataclass(frozen=True)
class Tally:
    """One crossing's comparisons since `basis`: another version of it, or another try, begins anew.

    `left_out` are requests that were not compared, by why.
    """

    basis: str
    routes: Mapping[str, RouteTally] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def fresh(cls, basis: str, routes: Iterable[str]) -> Tally:
        return cls(basis, {route: RouteTally() for route in routes})

    @property
    def compared(self) -> int:
        return sum(route.compared for route in self.routes.values())

    @property
    def different(self) -> int:
        return sum(route.different for route in self.routes.values())

    @property
    def unexplained(self) -> int:
        return sum(route.unexplained for route in self.routes.values())

    def add(self, route: str, found: Comparison) -> Tally:
        """Count a comparison; one to which the old side gave no answer counts as left out."""
        if found.failure:
            return self.leave_out(f"{found.failure} (monolith)")
        return replace(self, routes={**self.routes, route: self.routes.get(route, RouteTally()).add(found)})

    def leave_out(self, why: str) -> Tally:
        """Count a request that is not compared."""
        return replace(self, left_out=_counted(self.left_out, (why,), REASONS))

    def trimmed(self, most: int) -> Tally:
        """Keep so many kinds of difference for each route."""
        return replace(self, routes={name: route.trimmed(most) for name, route in self.routes.items()})

    def as_json(self) -> dict[str, Any]:
        compared, unexplained = self.compared, self.unexplained
        return {
            "basis": self.basis,
            "compared": compared,
            "different": self.different,
            "unexplained": unexplained,
            "share": unexplained / compared if compared else 0.0,
            "bound": upper(unexplained, compared),
            "leftOut": dict(self.left_out),
            "routes": {name: route.as_json() for name, route in self.routes.items()},
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Tally:
        """Read what was kept. Raises KeyError, TypeError or ValueError where it is none."""
        return cls(
            basis=str(found["basis"]),
            routes={str(name): RouteTally.from_json(route) for name, route in found["routes"].items()},
            left_out={str(why): int(count) for why, count in found["leftOut"].items()},
        )


def _by_chance(new: int, old: int) -> bool:
    """Whether the new side was set apart so often, and the old side's own answers so often, by chance."""
    return tail(new, new + old, ONE_OF_THREE) > IMPROBABLE


def _counted(before: Mapping[str, int], more: Iterable[str], most: int) -> Mapping[str, int]:
    """Count each once more; those for which there is no room are left."""
    found = dict(before)
    for each in more:
        if each in found or len(found) < most:
            found[each] = found.get(each, 0) + 1
    return found
