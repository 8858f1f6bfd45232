"""`python -m seaway.pilot.counter`: one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from seaway.kit.kube import Kube
from seaway.pilot.counter.process import Counter

#: Seconds that the API server has for an answer.
ANSWER: Final = 5.0


def main() -> None:
    """Run until SIGTERM or SIGINT. Raises NotFound outside a pod."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    kube = Kube.in_cluster(ANSWER)
    asyncio.run(_run(kube))
    kube.close()


async def _run(kube: Kube) -> None:
    await Counter(kube).run()


if __name__ == "__main__":
    main()
