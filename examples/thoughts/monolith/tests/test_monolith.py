"""The monolith as visitors and operators meet it."""

import time
from pathlib import Path

import psycopg
import pytest

from testing.processes import SECRETS, manage, start_monolith
from testing.visitor import PASSWORD, Visitor

EVERYTHING = """
SELECT t.id, t.text, t.created, u.name, u.password
FROM mythoughts_thought t JOIN mythoughts_user u ON u.id = t.user_id ORDER BY t.id
"""


def rows(database, statement=EVERYTHING):
    with psycopg.connect(database) as connection:
        return connection.execute(statement).fetchall()


def test_seed_is_quick_idempotent_and_the_same_every_time(postgres):
    one, other = postgres.new_database(), postgres.new_database()
    for database in (one, other):
        manage(database, "migrate", "--verbosity=0")
    started = time.monotonic()
    assert manage(one, "seed", "--users=50", "--thoughts=2000") == "50 people, 2000 thoughts\n"
    assert time.monotonic() - started < 5
    first = rows(one)
    assert manage(one, "seed", "--users=50", "--thoughts=2000") == "50 people, 2000 thoughts\n"
    manage(other, "seed", "--users=50", "--thoughts=2000")
    assert first == rows(one) == rows(other)
    assert all(row[4].startswith("pbkdf2_sha256$") for row in first)
    assert manage(one, "seed", "--if-empty", "--users=60") == ""


def test_the_migration_makes_what_the_models_say(postgres):
    database = postgres.new_database()
    manage(database, "migrate", "--verbosity=0")
    assert "No changes detected" in manage(database, "makemigrations", "--check", "--dry-run")
    manage(database, "migrate", "--verbosity=0", "mythoughts", "zero")
    manage(database, "migrate", "--verbosity=0")


def test_settings_may_come_from_files(postgres, starting, tmp_path: Path, visitor):
    files = {"DATABASE_URL": postgres.new_database(), **SECRETS}
    env = {}
    for name, value in files.items():
        (tmp_path / name).write_text(value + "\n")
        env |= {name: "", f"{name}_FILE": str(tmp_path / name)}
    server = starting(start_monolith("", "--users=2", "--thoughts=3", **env)).wait_for("/health")
    visitor.log_in(server.url, "grace")
    assert visitor.who(server.url) == "grace"
    assert server.stop() == 0


@pytest.mark.parametrize("missing", ["DATABASE_URL", "SESSION_KEY"])
def test_a_missing_setting_is_named(postgres, starting, missing):
    env = {"DATABASE_URL": postgres.new_database(), missing: ""}
    server = starting(start_monolith(env.pop("DATABASE_URL"), **env))
    assert server.wait() == 1
    assert f"{missing} is not set: set {missing}, or {missing}_FILE" in server.output()


def test_a_database_that_is_away_is_one_clear_error(starting):
    server = starting(start_monolith("postgresql://owner:secret@127.0.0.1:1/x"))
    assert server.wait() == 1
    assert server.output().startswith("the database in DATABASE_URL does not answer")
    assert "Traceback" not in server.output()
    assert "secret" not in server.output()


@pytest.mark.parametrize("side", ["monolith", "frontend"])
def test_cookies_are_safe(sides, visitor, side):
    url = getattr(sides, side).url
    form = visitor.get(url + "/login/", headers={"x-forwarded-proto": "https"})
    plain = getattr(sides, side).get("/login/")
    visitor.cookies.clear()
    token = visitor.token(url + "/login/")
    fields = {"name": "ada", "password": PASSWORD, "form_token": token}
    headers = {"x-forwarded-proto": "https"}
    answer = visitor.post(url + "/login/", data=fields, headers=headers)
    for cookie in (form.headers["set-cookie"], answer.headers["set-cookie"]):
        assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in plain.headers["set-cookie"]


@pytest.mark.parametrize("side", ["monolith", "frontend"])
def test_nothing_is_written_without_a_form_of_ours(sides, visitor, side):
    url = getattr(sides, side).url
    visitor.log_in(url, "ada")
    own = visitor.token(url + "/thoughts/new")
    with Visitor() as stranger:
        stranger.get(url + "/login/")
        session = visitor.cookies["thoughts_session"]
        stranger.cookies.set("thoughts_session", session, domain="127.0.0.1")
        for token in (own, "", "x"):
            answer = stranger.post(url + "/thoughts/new", data={"text": "forged", "form_token": token})
            assert answer.status_code == 403
    assert "forged" not in visitor.get(url + "/thoughts/").text


@pytest.mark.parametrize("place", ["https://evil.example", "//evil.example", "/\\evil", "/export"])
@pytest.mark.parametrize("side", ["monolith", "frontend"])
def test_a_log_in_leads_only_to_our_pages(sides, visitor, side, place):
    url = getattr(sides, side).url
    assert place not in visitor.get(url + "/login/", params={"next": place}).text
    assert visitor.log_in(url, "ada", then=place).headers["location"] == "/thoughts/"
