"""A service's own PostgreSQL: a pool, a schema that makes itself, and whether it answers.

The same file is in the users and the thoughts service; tests/test_copies.py keeps them equal.
"""

import atexit
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

log = logging.getLogger(__name__)

Row = dict[str, Any]
MOST = 8  # connections, as many as gunicorn has threads
PATIENCE = 2  # seconds that a request waits for a connection
SLOWEST = "4s"  # a statement may take
SCHEMA_LOCK = 7_238_001


class Database:
    """Starts even if the server is away; finds it again by itself when it comes back."""

    def __init__(self, url: str, schema: LiteralString) -> None:
        self._schema = schema
        self._has_schema = threading.Event()
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=MOST,
            timeout=PATIENCE,
            reconnect_timeout=PATIENCE,
            open=False,
            configure=_configure,
            kwargs={"autocommit": True, "row_factory": dict_row, "connect_timeout": PATIENCE},
        )

    def start(self) -> None:
        """Connects and makes the schema in the background."""
        self._pool.open()
        atexit.register(self._pool.close, timeout=1)
        self._make_schema_soon()

    def wait(self) -> None:
        """Returns once the schema is there."""
        self._has_schema.wait()

    def rows(self, statement: LiteralString, values: Sequence[object] = ()) -> list[Row]:
        """What a statement returns. It may run twice, so it must be safe to repeat."""
        if not self._has_schema.is_set():
            raise psycopg.OperationalError("the database has not answered yet")
        try:
            return self._rows(statement, values)
        except PoolTimeout:
            raise
        except psycopg.OperationalError:  # the connection broke while it lay in the pool
            self._pool.check()
            return self._rows(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Row]]:
        """A connection for several statements, which all count or none does."""
        with self._pool.connection() as connection, connection.transaction():
            yield connection

    def answers(self) -> bool:
        """True if a query works; a schema that was lost is made again."""
        try:
            self.rows("SELECT FROM feed LIMIT 1")
        except psycopg.errors.UndefinedTable:
            self._has_schema.clear()
            self._make_schema_soon()
            return False
        except psycopg.OperationalError:
            return False
        return True

    def _rows(self, statement: LiteralString, values: Sequence[object]) -> list[Row]:
        with self._pool.connection() as connection:
            return connection.execute(statement, values).fetchall()

    def _make_schema_soon(self) -> None:
        threading.Thread(target=self._make_schema, name="schema", daemon=True).start()

    def _make_schema(self) -> None:
        while not self._has_schema.is_set():
            try:
                with self.transaction() as connection:
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
                    connection.execute(self._schema)
                self._has_schema.set()
            except psycopg.Error as problem:
                log.warning("the schema is not there yet: %s", problem)
                time.sleep(1)


def _configure(connection: psycopg.Connection[Row]) -> None:
    connection.execute(f"SET statement_timeout = '{SLOWEST}'")
    connection.execute("SET timezone = 'UTC'")
