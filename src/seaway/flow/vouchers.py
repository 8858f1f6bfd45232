"""What contradicts in a file that shall hold an authority's certificate."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path as Folder

from seaway.flow.misnamed import Found
from seaway.kit.yaml import Path


def contradictions_of_voucher(at: Path, folder: Folder, file: str) -> Iterator[Found]:
    """See that it can be read, and holds what could vouch for a server; without a file all is well."""
    try:
        if file:
            pem = (folder / file).read_text(encoding="ascii")
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        yield Found(at, f"{file} holds no certificate in PEM", "name the authority's own")
    except OSError as error:
        yield Found(at, f"{file} cannot be read: {error.strerror}", f"a file, from {folder}")
