from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.model.quantity import amount, canonical, cpu, memory
from seaway.model.wrong import Wrong


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0.1", "100m"), ("1000m", "1"), ("1500m", "1500m"), ("2", "2"), ("2000", "2k"), ("1.5", "1500m"),
        ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("1000Ki", "1000Ki"), ("0.5Ki", "512"),
        ("134217728", "134217728"),
        ("128Mi", "128Mi"), ("1G", "1G"), ("1000M", "1G"), (".5", "500m"), ("0", "0"), ("1.0", "1"),
    ],
)  # fmt: skip
def test_quantities_are_kept_as_kubernetes_gives_them_back(written: str, kept: str) -> None:
    assert canonical(written) == kept


NUMBERS = st.decimals(min_value=0, max_value=10**9, places=3, allow_nan=False).map(lambda d: f"{d:f}")
SUFFIXES = st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"])


@given(NUMBERS, SUFFIXES)
def test_the_canonical_form_is_the_same_amount_and_stays(number: str, suffix: str) -> None:
    try:
        kept = canonical(number + suffix)
    except Wrong:
        return
    assert amount(kept) == amount(number + suffix)
    assert canonical(kept) == kept


def test_amounts_are_exact() -> None:
    assert amount("0.1") == Fraction(1, 10)


@pytest.mark.parametrize("text", ["", "m", "1e3", "-1", "1 Gi", "1gi", "1.2.3", "0x1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        amount(text)


def test_fractions_of_a_byte_or_of_a_millicore_are_refused() -> None:
    with pytest.raises(Wrong):
        memory("128m")
    with pytest.raises(Wrong):
        cpu("0.5m")
