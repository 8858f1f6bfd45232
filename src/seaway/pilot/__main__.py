"""`python -m seaway.pilot`: steers the crossings of the namespace that its pod is in."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Final

from seaway.kit.kube import Kube
from seaway.pilot.process import Pilot

#: Seconds that the API server has for an answer.
ANSWER: Final = 5.0


def main() -> None:
    """Run one process; exit status 1 where another pilot has taken over. Raises NotFound outside a pod."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("httpx", "httpx2", "kopf"):
        logging.getLogger(name).setLevel(logging.WARNING)
    kube = Kube.in_cluster(ANSWER)
    namespace, name = os.environ["POD_NAMESPACE"], os.environ["POD_NAME"]
    well = asyncio.run(_run(kube, namespace, name))
    kube.close()
    sys.exit(0 if well else 1)


async def _run(kube: Kube, namespace: str, name: str) -> bool:
    return await Pilot(kube, namespace, name).run()


if __name__ == "__main__":
    main()
