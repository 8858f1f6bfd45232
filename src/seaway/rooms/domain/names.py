"""How external-dns names the texts that say who owns a record."""

from __future__ import annotations

from typing import Final

#: The part of a prefix that stands for the type.
TYPE: Final = "%{record_type}"


def text_name(name: str, kind: str, prefix: str) -> str:
    """Name the TXT record of the records of a type, as external-dns does with `--txt-prefix`."""
    first, _, rest = name.partition(".")
    head = prefix.replace(TYPE, kind.lower())
    return f"{head}{first if TYPE in prefix else f'{kind.lower()}-{first}'}.{rest}".rstrip(".")
