"""Who owns the records of a name: told by TXT records, in the form and under the names of external-dns.

`www.example.com A` is owned by whom `a-www.example.com TXT` names (external-dns, docs/registry/txt.md). It
passes over parts of the text that are not its own: there is kept what shall outlive the laptop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from seaway.kit import moments
from seaway.kit.dns import Records

HERITAGE: Final = "external-dns"
#: The types of records that lead somewhere.
LEADING: Final = ("A", "AAAA", "CNAME")
#: Bytes of one string in a TXT record (RFC 1035, 3.3).
STRING: Final = 255
NONE: Final = "none"


@dataclass(frozen=True)
class Ownership:
    """What the text says: `was` are the records before the move, None where that is not kept.

    `lowered` is when their TTL was, `moved` when the name was pointed to the gateway, `left` when, after the
    way back, no resolver can lead there any more.
    """

    owner: str
    resource: str = ""
    was: tuple[Records, ...] | None = None
    lowered: datetime | None = None
    moved: datetime | None = None
    left: datetime | None = None


def written(ownership: Ownership) -> str:
    """Write it as the value of a TXT record."""
    parts = {"heritage": HERITAGE, f"{HERITAGE}/owner": ownership.owner}
    if ownership.resource:
        parts[f"{HERITAGE}/resource"] = ownership.resource
    if ownership.was is not None:
        parts["seaway/was"] = ";".join(_shortened(records) for records in ownership.was) or NONE
    for key in ("lowered", "moved", "left"):
        if at := getattr(ownership, key):
            parts[f"seaway/{key}"] = moments.written(at)
    text = ",".join(f"{key}={value}" for key, value in parts.items())
    chunks = [text[i : i + STRING] for i in range(0, len(text), STRING)]
    return " ".join(f'"{chunk}"' for chunk in chunks)


def read(value: str, name: str) -> Ownership | None:
    """Read such a value; None where it is another text. `name` is that of the records."""
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', value)) or value
    parts = dict(part.split("=", 1) for part in text.split(",") if part.count("=") == 1)
    if parts.get("heritage") != HERITAGE or not parts.get(f"{HERITAGE}/owner"):
        return None
    return Ownership(
        parts[f"{HERITAGE}/owner"],
        parts.get(f"{HERITAGE}/resource", ""),
        _was(parts.get("seaway/was", ""), name),
        _moment(parts.get("seaway/lowered", "")),
        _moment(parts.get("seaway/moved", "")),
        _moment(parts.get("seaway/left", "")),
    )


def owners(texts: Iterable[Records], name: str) -> tuple[list[Ownership], list[str]]:
    """Read all owners that texts name, and the texts at their places that name none."""
    found, others = [], []
    for records in texts:
        for value in records.values:
            known = read(value, name)
            if known:
                found.append(known)
            else:
                others.append(f"{records.name} TXT {value}")
    return found, others


def _shortened(records: Records) -> str:
    return " ".join((records.kind, str(records.ttl), *records.values))


def _was(text: str, name: str) -> tuple[Records, ...] | None:
    if text == NONE:
        return ()
    found = []
    for part in filter(None, text.split(";")):
        kind, ttl, *values = [*part.split(" "), ""]
        if kind not in LEADING or not ttl.isdigit() or len(values) == 1:
            return None
        found.append(Records(name, kind, int(ttl), tuple(values[:-1])))
    return tuple(found) or None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None
