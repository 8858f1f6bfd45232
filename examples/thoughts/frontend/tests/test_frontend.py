"""The frontend service as a process: what it adds to the services, and what it does without them.

That its pages are those of the monolith is proved in tests/test_crossing.py.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from testing.ports import free_port
from testing.processes import start_service

NOWHERE = {"USERS_URL": "http://127.0.0.1:1", "THOUGHTS_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize("path", ["/", "/health", "/no/such/page", "/thoughts", "/login/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_every_answer_says_who_served_it(sides, method, path):
    answer = sides.frontend.request(method, path)
    assert answer.headers["x-served-by"] == "frontend"
    assert answer.headers["x-version"] == "1"


def test_the_version_is_set_from_outside(starting):
    server = starting(start_service("frontend", VERSION="7", **NOWHERE)).wait_for("/health")
    assert server.get("/health").headers["x-version"] == "7"


def test_without_its_services_it_says_so_and_stays_healthy(starting, visitor):
    server = starting(start_service("frontend", **NOWHERE)).wait_for("/health")
    for answer in (server.get("/"), visitor.log_in(server.url, "ada")):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert answer.headers["x-served-by"] == "frontend"
        assert "Nothing is lost" in answer.text
    assert server.answers("/health")
    assert server.stop() == 0


def test_a_service_that_is_replaced_is_not_noticed(postgres, starting):
    """Kept connections break with the old replica; the page is asked for again on a new one."""
    database, port = postgres.new_database(), free_port()
    service = starting(start_service("thoughts", port=port, DATABASE_URL=database))
    service.wait_for("/ready")
    urls = {**NOWHERE, "THOUGHTS_URL": service.url}
    server = starting(start_service("frontend", **urls)).wait_for("/health")
    assert server.answers("/")
    service.stop()
    starting(start_service("thoughts", port=port, DATABASE_URL=database)).wait_for("/ready")
    assert server.answers("/")


def test_connections_are_kept(sides, visitor):
    visitor.log_in(sides.frontend.url, "ada")
    for _ in range(5):
        visitor.get(sides.frontend.url + "/")
    before = backends(sides.thoughts_database)
    for _ in range(30):
        assert visitor.get(sides.frontend.url + "/thoughts/").status_code == 200
    assert backends(sides.thoughts_database) == before


def test_it_ends_what_it_began(sides, starting):
    """A request that is under way when SIGTERM comes is still answered."""
    urls = {"USERS_URL": sides.users.url, "THOUGHTS_URL": sides.thoughts.url}
    server = starting(start_service("frontend", **urls)).wait_for("/health")
    with psycopg.connect(sides.thoughts_database) as connection:
        connection.execute("LOCK TABLE thoughts")
        with ThreadPoolExecutor() as aside:
            answer = aside.submit(server.get, "/")
            time.sleep(0.3)
            server.terminate()
            time.sleep(0.3)
            assert not answer.done()
            connection.rollback()
            assert answer.result().status_code == 200
    assert server.wait() == 0


def backends(database):
    """Who is connected to a database."""
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY 1"
        ).fetchall()
