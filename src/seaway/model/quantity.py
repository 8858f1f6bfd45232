"""Quantities of CPU, memory and storage, in the canonical form in which Kubernetes gives them back.

Canonical (k8s.io/apimachinery/pkg/api/resource/quantity.go): no fraction, the largest suffix that needs
none, decimal suffixes stay decimal and binary ones binary: 0.1 → 100m, 1000m → 1, 1.5Gi → 1536Mi.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from seaway.model.wrong import Wrong

_SHAPE: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})([A-Za-z]*)")
_DECIMAL: Final = {"E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "": 0, "m": -3, "u": -6, "n": -9}
_BINARY: Final = {"Ei": 60, "Pi": 50, "Ti": 40, "Gi": 30, "Mi": 20, "Ki": 10}
_MEBI: Final = 1 << 20


def amount(text: str) -> Fraction:
    """Read a quantity in its base unit: cores or bytes.

    Raises Wrong where it is none; exponents (1e3) and signs are not read.
    """
    found = _SHAPE.fullmatch(text)
    suffix = found[2] if found else ""
    if not found or suffix not in {**_DECIMAL, **_BINARY}:
        raise Wrong(f"{text!r} is no quantity", "write a number and a suffix, such as 100m, 2, 128Mi, 1Gi")
    number = Fraction(found[1])
    return number * 2 ** _BINARY[suffix] if suffix in _BINARY else number * Fraction(10) ** _DECIMAL[suffix]


def canonical(text: str) -> str:
    """Bring a quantity to its canonical form."""
    value = amount(text)
    if text.endswith("i") and value >= 1024:  # noqa: PLR2004  (below that Kubernetes writes it decimally)
        units = {suffix: Fraction(2) ** power for suffix, power in _BINARY.items()} | {"": Fraction(1)}
    else:
        units = {suffix: Fraction(10) ** power for suffix, power in _DECIMAL.items()}
    for suffix, unit in units.items():
        if value and (value / unit).denominator == 1:
            return f"{value / unit}{suffix}"
    if value:
        raise Wrong(f"{text!r} is finer than Kubernetes can tell", "use fewer digits")
    return "0"


def cpu(text: str) -> str:
    """Check cores: at least 1m and no finer, such as 100m or 2."""
    value = amount(text)
    if not value or (value * 1000).denominator != 1:
        raise Wrong(
            f"{text!r} is no amount of CPU: at least 1m, and no finer", "such as 100m (a tenth of a core)"
        )
    return canonical(text)


def memory(text: str) -> str:
    """Check bytes of memory: whole, at least 1Mi, such as 128Mi."""
    return _bytes(text, "128Mi")


def storage(text: str) -> str:
    """Check bytes on a volume: whole, at least 1Mi, such as 1Gi."""
    return _bytes(text, "1Gi")


def _bytes(text: str, example: str) -> str:
    value = amount(text)
    if value.denominator != 1:
        raise Wrong(f"{text!r} is a fraction of a byte", f"m means a thousandth: write Mi, such as {example}")
    if value < _MEBI:
        number = re.sub(r"\D.*", "", text)
        raise Wrong(
            f"{text!r} is {value} bytes", f"say the unit, such as {number or example.rstrip('MGi')}Mi"
        )
    return canonical(text)
