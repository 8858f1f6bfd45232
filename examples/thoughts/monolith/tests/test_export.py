"""The feed that the services follow, and the door for what they take in."""

import threading
import time
import uuid

import httpx
import psycopg
import pytest

from testing.processes import SECRETS, start_monolith

TOKEN = {"Authorization": f"Bearer {SECRETS['EXPORT_TOKEN']}"}
INSERT = """
INSERT INTO mythoughts_thought (id, user_id, text, created)
SELECT %s, min(id), %s, now() FROM mythoughts_user
"""


@pytest.fixture(scope="module")
def export(sides):
    with httpx.Client(base_url=sides.monolith.url + "/export", headers=TOKEN, verify=False) as client:
        yield client


def follow(export, kind, after=0):
    """Everything after a place, as a reader meets it."""
    items, more = [], True
    while more:
        page = export.get(f"/{kind}", params={"after": after}).json()
        assert len(page["items"]) <= 500
        assert page["last"] >= after
        items += page["items"]
        after, more = page["last"], page["more"]
    return items, after


@pytest.mark.parametrize("path", ["/export/users", "/export/thoughts"])
def test_only_with_the_token(sides, path):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}):
        assert sides.monolith.get(path, headers=headers).status_code == 401
        assert sides.frontend.get(path, headers=headers).status_code == 404
    post = sides.monolith.post("/export/thoughts", json={})
    assert post.status_code == 401


def test_without_a_token_set_there_is_no_export(postgres, starting):
    server = start_monolith(postgres.new_database(), "--users=1", "--thoughts=1", EXPORT_TOKEN="")
    starting(server).wait_for("/health")
    for headers in ({}, TOKEN, {"Authorization": "Bearer"}):
        assert server.get("/export/users", headers=headers).status_code == 404


def test_the_feed_has_everything_once_and_in_order(sides, export):
    items, last = follow(export, "thoughts")
    with psycopg.connect(sides.monolith_database) as connection:
        expected = connection.execute("SELECT id FROM mythoughts_thought ORDER BY seq").fetchall()
    assert len(items) > 1000
    assert [item["id"] for item in items] == [str(row[0]) for row in expected]
    assert follow(export, "thoughts", last) == ([], last)
    people, _ = follow(export, "users")
    assert people[0]["name"] == "ada"
    assert people[0]["password"].startswith("pbkdf2_sha256$")


def test_no_row_turns_up_behind_a_readers_back(sides, export):
    """The first writer is slow to commit; the second must not become visible before it."""
    _, last = follow(export, "thoughts")
    slow, quick = uuid.uuid4(), uuid.uuid4()
    with psycopg.connect(sides.monolith_database) as first:
        first.execute(INSERT, [slow, "slow"])
        second = threading.Thread(target=insert, args=(sides.monolith_database, quick))
        second.start()
        time.sleep(0.3)
        assert follow(export, "thoughts", last) == ([], last)
        first.commit()
        second.join(5)
    items, _ = follow(export, "thoughts", last)
    assert [item["id"] for item in items] == [str(slow), str(quick)]


def test_a_row_that_changes_comes_again(sides, export):
    _, last = follow(export, "users")
    with psycopg.connect(sides.monolith_database) as connection:
        connection.execute("UPDATE mythoughts_user SET name = name WHERE name = 'alan'")
    items, _ = follow(export, "users", last)
    assert [item["name"] for item in items] == ["alan"]


@pytest.mark.parametrize("after", ["x", "-1", str(2**63), "1.5"])
def test_a_strange_place_is_refused(export, after):
    assert export.get("/users", params={"after": after}).status_code == 400


def test_writing_twice_is_writing_once(export):
    thought = {
        "id": str(uuid.uuid4()),
        "author": "ada",
        "text": "written through",
        "created": "2026-01-02T03:04:05.678901+00:00",
    }
    first, again = (export.post("/thoughts", json=thought) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == thought
    assert export.post("/thoughts", json={**thought, "text": "other"}).status_code == 409
    assert export.post("/thoughts", json={**thought, "author": "grace"}).status_code == 409


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"author": "nobody"}, 422),
        ({"text": " \x00 "}, 422),
        ({"text": "x" * 281}, 422),
        ({"id": "x"}, 400),
        ({"created": "yesterday"}, 400),
        ({"text": None}, 400),
    ],
)
def test_a_strange_thought_is_refused(export, change, status):
    thought = {"id": str(uuid.uuid4()), "author": "ada", "text": "x", "created": "2026-01-01"}
    assert export.post("/thoughts", json={**thought, **change}).status_code == status
    assert export.post("/thoughts", content=b"[]").status_code == 400


def insert(database, thought):
    with psycopg.connect(database) as connection:
        connection.execute(INSERT, [thought, "quick"])
