"""Volumes of a rehearsal: for whom they are, and when they go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seaway.twin.volumes import freed, volume, wanting

CLASS = {"metadata": {"name": "seaway-shop"}, "provisioner": "ebs.csi.aws.com", "reclaimPolicy": "Delete"}


def _claim(node: str = "", bound: str = "") -> dict[str, Any]:
    notes = {"volume.kubernetes.io/selected-node": node} if node else {}
    return {
        "metadata": {"name": "orders", "namespace": "shop", "uid": "7", "annotations": notes},
        "spec": {
            "storageClassName": "seaway-shop",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            **({"volumeName": bound} if bound else {}),
        },
    }


@pytest.mark.parametrize(
    ("claim", "wants"), [(_claim(), False), (_claim("node-1"), True), (_claim("node-1", "pvc-7"), False)]
)
def test_a_claim_gets_its_volume_once_a_node_is_chosen(claim: dict[str, Any], wants: bool) -> None:
    assert wanting(claim) == wants


def test_a_volume_is_for_its_claim_alone_and_goes_when_that_is_gone() -> None:
    made = volume(_claim("node-1"), CLASS, Path("/volumes"))
    assert made["spec"]["claimRef"]["uid"] == "7"
    assert made["spec"]["hostPath"]["path"] == "/volumes/pvc-7"
    assert not freed({**made, "status": {"phase": "Bound"}})
    assert freed({**made, "status": {"phase": "Released"}})
    theirs = {**made, "metadata": {"name": "theirs"}, "status": {"phase": "Released"}}
    assert not freed(theirs)
