"""`python -m seaway.pilot.comparator`: one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal

from seaway.pilot.comparator.server import Server


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(_run())


async def _run() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    async with Server():
        await stop.wait()


if __name__ == "__main__":
    main()
