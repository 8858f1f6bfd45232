"""NodePools: what the names of instance types tell of them."""

from __future__ import annotations

import pytest

from seaway.model.pools import added_on_eks, cores_of


@pytest.mark.parametrize(
    ("size", "cores"),
    [("m7i.large", 2), ("m7g.xlarge", 4), ("c7i.24xlarge", 96), ("t3.medium", 2), ("m7g.medium", 1)],
)
def test_an_instance_type_tells_its_cpus(size: str, cores: int) -> None:
    assert cores_of(size) == cores
    assert added_on_eks(3, size)["limits"] == {"nodes": "3", "cpu": str(3 * cores)}


def test_one_that_does_not_has_no_limit_of_cpus() -> None:
    assert added_on_eks(3, "m7i.metal-24xl")["limits"] == {"nodes": "3"}
