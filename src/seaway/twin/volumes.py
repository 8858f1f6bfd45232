"""EBS volumes of a rehearsal: folders of this machine, for claims that ask for Amazon's volumes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from seaway.kit.kube import Kube, Manifest, Ref
from seaway.twin.controller import Controller

#: Who provides what `up` asks for on EKS: an add-on, or EKS Auto Mode.
DRIVER: Final = "ebs.csi.aws.com"
DRIVERS: Final = (DRIVER, "ebs.csi.eks.amazonaws.com")
#: By these annotations Kubernetes and a provider of volumes understand each other (sig-storage-lib).
_NODE: Final = "volume.kubernetes.io/selected-node"
_BY: Final = "pv.kubernetes.io/provisioned-by"


class Volumes(Controller):
    """Makes and removes volumes in the background until it is closed. Every node sees the same folders."""

    def __init__(self, kube: Kube, folder: Path) -> None:
        self._folder = folder
        super().__init__(kube)

    def _provide(self) -> None:
        listed = self._kube.list("storage.k8s.io/v1", "StorageClass")
        classes = {each["metadata"]["name"]: each for each in listed if each["provisioner"] in DRIVERS}
        if not classes:
            return
        for claim in self._kube.list("v1", "PersistentVolumeClaim"):
            kind = classes.get(claim["spec"].get("storageClassName", ""))
            if kind and wanting(claim):
                made = volume(claim, kind, self._folder)
                path = Path(made["spec"]["hostPath"]["path"])
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(0o777)  # pods run as anybody; the folder above is closed to all but root
                self._kube.create(made)
        for found in self._kube.list("v1", "PersistentVolume"):
            if freed(found):
                shutil.rmtree(found["spec"]["hostPath"]["path"], ignore_errors=True)
                self._kube.delete(Ref.of(found))


def wanting(claim: Manifest) -> bool:
    """Tell whether a claim waits for its volume, and the scheduler has chosen who needs it."""
    notes = claim["metadata"].get("annotations") or {}
    return _NODE in notes and not claim["spec"].get("volumeName")


def freed(volume: Manifest) -> bool:
    """Tell whether a volume is one of these, and nobody has it any more."""
    notes = volume["metadata"].get("annotations") or {}
    return notes.get(_BY) == DRIVER and volume.get("status", {}).get("phase") == "Released"


def volume(claim: Manifest, kind: Manifest, folder: Path) -> Manifest:
    """Compose the volume of a claim, for nobody else."""
    name = f"pvc-{claim['metadata']['uid']}"
    mine: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        **{key: claim["metadata"][key] for key in ("name", "namespace", "uid")},
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_BY: DRIVER}},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": mine,
            "persistentVolumeReclaimPolicy": kind.get("reclaimPolicy", "Delete"),
            "storageClassName": kind["metadata"]["name"],
            "hostPath": {"path": str(folder / name), "type": "Directory"},
        },
    }
