"""What a rehearsal does again and again in a cluster, as a controller of a cloud would."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Final

from seaway.errors import SeawayError
from seaway.kit.kube import Kube

#: Seconds between two looks.
_PAUSE: Final = 0.3


class Controller(ABC):
    """Looks and acts in the background, from when it is made until it is closed."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=type(self).__name__)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._kube.close()

    def _serve(self) -> None:
        while not self._stop.wait(_PAUSE):
            try:
                self._provide()
            except SeawayError:
                continue  # the API server is away for a moment, or another was quicker: the next look sees

    @abstractmethod
    def _provide(self) -> None:
        """Look once, and do what is wanting. Raises SeawayError."""
