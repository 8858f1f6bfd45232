"""The users service as a process, with a database and a monolith of its own."""

import psycopg
import pytest
from users.signing import Signer

from testing.ports import free_port
from testing.postgres import Postgres
from testing.processes import SECRETS, eventually, start_monolith, start_service
from testing.visitor import PASSWORD

SIGNER = Signer(SECRETS["SESSION_KEY"])


def log_in(server, name="ada", password=PASSWORD):
    return server.post("/login", json={"name": name, "password": password})


def test_log_in(sides):
    answer = log_in(sides.users)
    assert answer.status_code == 200
    assert SIGNER.who(answer.json()["token"]) == "ada"
    assert answer.headers["x-served-by"] == "users"
    for wrong in [("ada", "wrong"), ("nobody", PASSWORD), ("", "")]:
        assert log_in(sides.users, *wrong).status_code == 401


@pytest.mark.parametrize("body", ["", "[]", '{"name": "ada"}', '{"name": "\\u0000", "password": ""}'])
def test_a_strange_log_in_is_refused(sides, body):
    headers = {"Content-Type": "application/json"}
    answer = sides.users.post("/login", content=body, headers=headers)
    assert answer.status_code == 400


def test_a_new_password_follows(sides):
    with psycopg.connect(sides.monolith_database) as connection:
        connection.execute(
            "UPDATE mythoughts_user SET password ="
            " (SELECT password FROM mythoughts_user WHERE name = 'grace') WHERE name = 'margaret'"
        )
    with psycopg.connect(sides.users_database) as mine:
        same = "SELECT count(DISTINCT password) FROM users WHERE name IN ('grace', 'margaret')"
        assert eventually(lambda: mine.execute(same).fetchone() == (1,) or mine.rollback(), 3)
    assert log_in(sides.users, "margaret").status_code == 200


def test_ready_only_after_the_first_import_and_then_without_the_monolith(postgres, starting):
    database, port = postgres.new_database(), free_port()
    env = {"DATABASE_URL": database, "MONOLITH_URL": f"http://127.0.0.1:{port}"}
    server = starting(start_service("users", **env)).wait_for("/health")
    assert eventually(lambda: "import" in server.get("/ready").text)
    old = start_monolith(postgres.new_database(), "--users=3", "--thoughts=1", port=port)
    starting(old)
    server.wait_for("/ready")
    old.kill()
    assert server.stop() == 0
    again = starting(start_service("users", **env)).wait_for("/ready")
    assert log_in(again).status_code == 200
    assert log_in(again, password="wrong").status_code == 401


def test_alone_it_needs_no_monolith_and_no_export_token(postgres, starting):
    server = start_service("users", DATABASE_URL=postgres.new_database(), EXPORT_TOKEN="")
    starting(server).wait_for("/ready")
    assert log_in(server).status_code == 401


def test_it_starts_before_its_database_and_survives_its_loss(starting):
    postgres = Postgres()
    database = postgres.new_database()
    postgres.halt()
    server = starting(start_service("users", DATABASE_URL=database)).wait_for("/health")
    try:
        assert server.answers("/ready", 503)
        assert log_in(server).status_code == 503
        postgres.launch()
        server.wait_for("/ready")
        postgres.restart()
        assert log_in(server).status_code == 401  # at once, on connections that broke
        postgres.halt()
        assert server.answers("/ready", 503)
        assert server.answers("/health")
        postgres.launch()
        server.wait_for("/ready")
        assert log_in(server).status_code == 401
        with psycopg.connect(database) as connection:
            connection.execute("DROP TABLE users, feed")
        server.wait_for("/ready")
    finally:
        postgres.stop()
