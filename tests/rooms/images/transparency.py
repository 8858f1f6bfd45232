"""What logs of certificates and of signatures compute: trees of hashes, certificates without poison."""

from __future__ import annotations

import hashlib

#: The extension of a precertificate, critical, in DER.
_POISON = bytes.fromhex("3013060a2b06010401d6790204030101ff04020500")


def unpoisoned(tbs: bytes) -> bytes:
    """What is signed of a precertificate, without the extension that says it is one (RFC 6962, 3.2)."""
    begin, _ = _content(tbs, 0)
    wrapped = next(
        at for at in range(begin, len(tbs)) if tbs[at] == 0xA3 and _content(tbs, at)[1] == len(tbs)
    )
    inner, end = _content(tbs, _content(tbs, wrapped)[0])
    extensions = tbs[inner:end]
    assert extensions.count(_POISON) == 1
    return _sequence(
        0x30, tbs[begin:wrapped] + _sequence(0xA3, _sequence(0x30, extensions.replace(_POISON, b"")))
    )


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the value at a place begins and ends (X.690, 8.1.3)."""
    short = der[at + 1] if at + 1 < len(der) else 0
    if short < 0x80:
        return at + 2, at + 2 + short
    begin = at + 2 + (short & 0x7F)
    return begin, begin + int.from_bytes(der[at + 2 : begin])


def _sequence(tag: int, content: bytes) -> bytes:
    size = len(content)
    long = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, size] if size < 0x80 else [tag, 0x80 | len(long), *long]) + content


def _split(size: int) -> int:
    """The largest power of two below it (RFC 9162, 2.1.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def tree_of(leaves: list[bytes]) -> bytes:
    """The hash of a tree of leaves' hashes."""
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return hashlib.sha256(b"\1" + tree_of(leaves[:at]) + tree_of(leaves[at:])).digest()


def proof_of(leaves: list[bytes], index: int) -> list[bytes]:
    """What proves that a leaf is in the tree, from the leaf up (RFC 9162, 2.1.3.1)."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*proof_of(leaves[:at], index), tree_of(leaves[at:])]
    return [*proof_of(leaves[at:], index - at), tree_of(leaves[:at])]
