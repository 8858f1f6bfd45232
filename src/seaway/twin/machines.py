"""What the clusters of a rehearsal run on: this machine. Each is a local cluster, with real nodes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

import yaml

from seaway.kit import connection
from seaway.kit.kube import Kube
from seaway.model.event import Report
from seaway.providers.local import home
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.reviewer import Webhook
from seaway.twin.authenticator import bindings
from seaway.twin.pools import DEFINITION, Pools
from seaway.twin.volumes import Volumes

#: The longest name of a cluster.
_LONGEST: Final = 32


def local_name(cluster: str) -> str:
    """Name the local cluster that stands for one of EKS."""
    ending = "-twin"
    return f"{cluster[: _LONGEST - len(ending)].rstrip('-')}{ending}"


class LocalMachines:
    """Implements eks.Machines. Close it: what it made goes."""

    def __init__(self, size: str, report: Report) -> None:
        self._size, self._report, self._local = size, report, LocalClusters()
        self._clients: dict[str, Any] = {}
        self._volumes: dict[str, Volumes] = {}
        self._pools: dict[str, Pools] = {}
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def reserve(self, cluster: str) -> str:
        """Give the address by which a cluster will reach this machine. One that an earlier run left goes."""
        self._known.add(cluster)
        name = local_name(cluster)
        self._local.delete(name, self._report)
        return self._local.reserve(name, self._report).outside

    def admit(self, cluster: str, port: int) -> None:
        """Let pods of a cluster that was reserved reach a port of this machine's loopback there."""
        self._local.admit(local_name(cluster), (port,), self._report)

    def consult(self, cluster: str, webhook: Webhook) -> None:
        """Have a cluster that was reserved ask a webhook about tokens."""
        self._local.consult(local_name(cluster), webhook, self._report)

    def context(self, cluster: str) -> str:
        """Name the context of the local cluster itself."""
        return home.Home(local_name(cluster), 0).context

    def create(self, cluster: str) -> None:
        name = local_name(cluster)
        self._known.add(cluster)
        self._local.create(name, 1, self._size, self._report)
        kube = Kube.from_kubeconfig(self._local.kubeconfig(name), self.context(cluster))
        for each in bindings():
            kube.apply(each)
        self._volumes[cluster] = Volumes(kube, home.Home(name, 0).volumes)

    def automate(self, cluster: str) -> None:
        if cluster in self._pools:
            return
        name = local_name(cluster)
        self._local.autoscale(name, self._report)
        kube = Kube.from_kubeconfig(self._local.kubeconfig(name), self.context(cluster))
        kube.apply(DEFINITION)
        self._pools[cluster] = Pools(kube, self._local, name, self._size, self._report)

    def hold(self, cluster: str, nodes: int) -> None:
        self._local.scale(local_name(cluster), nodes, self._size, self._report)

    def remove(self, cluster: str) -> None:
        for made in (self._volumes.pop(cluster, None), self._pools.pop(cluster, None)):
            if made:
                made.close()
        with self._lock:
            if client := self._clients.pop(cluster, None):
                client.close()
        self._local.delete(local_name(cluster), self._report)
        self._known.discard(cluster)

    def reach(self, cluster: str) -> Any:
        with self._lock:
            if cluster not in self._clients:
                path = self._local.kubeconfig(local_name(cluster))
                document = yaml.safe_load(Path(path).read_text())
                document["users"][0]["user"] = {}  # who asks is told by a token
                self._clients[cluster] = connection.through(document, self.context(cluster), path)
            return self._clients[cluster]

    def close(self) -> None:
        """Take every cluster away that is left."""
        for cluster in sorted(self._known):
            self.remove(cluster)
