"""One PostgreSQL and one running MyThoughts for all tests of this folder."""

import importlib
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

import pytest

from testing.postgres import Postgres
from testing.processes import Server, start_monolith, start_service
from testing.visitor import Visitor


def pytest_configure() -> None:
    """A run that is ended from outside still ends what it started."""
    signal.signal(signal.SIGTERM, _interrupt)
    for package in ("users", "thoughts", "frontend"):  # else pytest takes the folder for it
        importlib.import_module(package)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@dataclass(frozen=True)
class Sides:
    """The monolith and the services that follow it."""

    monolith: Server
    users: Server
    thoughts: Server
    frontend: Server
    monolith_database: str
    users_database: str
    thoughts_database: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sides(postgres: Postgres) -> Iterator[Sides]:
    old, people, texts = (postgres.new_database(n) for n in ("monolith", "users", "thoughts"))
    with ExitStack() as running:

        def run(server: Server) -> Server:
            running.callback(server.kill)
            return server

        monolith = run(start_monolith(old, "--users=12", "--thoughts=1100"))
        monolith.wait_for("/health")
        there = {"MONOLITH_URL": monolith.url}
        users = run(start_service("users", DATABASE_URL=people, **there))
        thoughts = run(start_service("thoughts", DATABASE_URL=texts, **there))
        urls = {"USERS_URL": users.url, "THOUGHTS_URL": thoughts.url}
        frontend = run(start_service("frontend", **urls))
        frontend.wait_for("/health")
        users.wait_for("/ready")
        thoughts.wait_for("/ready")
        yield Sides(monolith, users, thoughts, frontend, old, people, texts)


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    with Visitor() as somebody:
        yield somebody


@pytest.fixture
def starting() -> Iterator[Callable[[Server], Server]]:
    """Ends what a test started: `starting(start_service(...))`."""
    with ExitStack() as running:

        def keep(server: Server) -> Server:
            running.callback(server.kill)
            return server

        yield keep
