"""Follows the monolith while it is still the one that writes: reads its export feed.

Replicas share the work: whoever has the lock pulls, so pages are stored in their order, and
the place in the feed is committed together with what was read. Rows are only ever added or
renewed, never removed.

The same file is in the users and the thoughts service; tests/test_copies.py keeps them equal.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg

from .client import Client, Unreachable
from .database import Database, Row

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks
LONGEST_PAUSE = 4.0  # while the monolith is away
FEED_LOCK = 7_238_002

SCHEMA: LiteralString = """
CREATE TABLE IF NOT EXISTS feed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    source uuid NOT NULL,
    position bigint NOT NULL,
    complete boolean NOT NULL
);
"""
SAVE: LiteralString = """
INSERT INTO feed (source, position, complete) VALUES (%s, %s, %s)
ON CONFLICT (one) DO UPDATE SET source = EXCLUDED.source, position = EXCLUDED.position,
    complete = feed.complete OR EXCLUDED.complete
"""

Store = Callable[[psycopg.Connection[Row], list[Any]], None]


class Feed(threading.Thread):
    """Pulls one path of the monolith for ever, in the background."""

    def __init__(self, database: Database, monolith: Client, token: str, path: str, store: Store) -> None:
        super().__init__(name="feed", daemon=True)
        self._database = database
        self._monolith = monolith
        self._token = token
        self._path = path
        self._store = store

    def run(self) -> None:
        pause = EVERY
        while True:
            self._database.wait()
            try:
                while self._pull_page():
                    pass
                pause = EVERY
            except (Unreachable, psycopg.OperationalError) as problem:
                pause = min(pause * 2, LONGEST_PAUSE)
                log.warning("cannot follow the monolith: %s", problem)
            except Exception:  # this thread must outlive anything strange in the feed
                pause = LONGEST_PAUSE
                log.exception("cannot follow the monolith")
            time.sleep(pause)

    def complete(self) -> bool:
        """True once everything was read for the first time, now or before a restart."""
        return bool(self._database.rows("SELECT FROM feed WHERE complete"))

    def _pull_page(self) -> bool:
        """Reads and stores one page; True if there is more."""
        with self._database.transaction() as connection:
            lock = connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS ours", [FEED_LOCK])
            if not lock.fetchone()["ours"]:
                return False
            place = connection.execute("SELECT source, position, complete FROM feed").fetchone()
            page = self._ask(place["position"] if place else 0)
            if place and page["feed"] != str(place["source"]):  # the monolith's database is new
                place, page = None, self._ask(0)
            if page["items"]:
                self._store(connection, page["items"])
            if page["items"] or not (place and place["complete"]):
                connection.execute(SAVE, [page["feed"], page["last"], not page["more"]])
            return page["more"]

    def _ask(self, after: int) -> dict[str, Any]:
        answer = self._monolith.get(self._path, self._token, after=after)
        if answer.status != 200:
            raise Unreachable(f"the monolith answers {answer.status}: {answer.body}")
        return answer.body
