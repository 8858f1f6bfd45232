"""The thoughts service as a process, alone and beside the monolith."""

import uuid

import psycopg
import pytest
from thoughts.signing import Signer

from testing.ports import free_port
from testing.processes import SECRETS, eventually, start_monolith, start_service

SIGNER = Signer(SECRETS["SESSION_KEY"])


@pytest.fixture(scope="module")
def alone(postgres):
    """Two replicas that started at the same moment on one empty database."""
    database = postgres.new_database()
    replicas = [start_service("thoughts", DATABASE_URL=database) for _ in range(2)]
    for replica in replicas:
        replica.wait_for("/ready")
    yield replicas
    for replica in replicas:
        replica.kill()


def write(server, text, name="ada", **more):
    headers = {"Authorization": f"Bearer {SIGNER.session(name)}"}
    body = {"text": text, **more}
    return server.post("/thoughts", json=body, headers=headers)


def texts(server, path, **query):
    answer = server.get(path, params=query)
    assert answer.status_code == 200
    assert answer.headers["x-served-by"] == "thoughts"
    return [thought["text"] for thought in answer.json()["thoughts"]]


def test_what_is_written_is_listed_newest_first_on_every_replica(alone):
    one, other = alone
    for text in ("the first", "the second", "  the third\r\n"):
        assert write(one, text, name="lister").status_code == 201
    expected = ["the third", "the second", "the first"]
    assert texts(other, "/thoughts", author="lister") == expected
    assert texts(other, "/thoughts", author="lister", latest=1) == expected[:1]
    assert texts(other, "/thoughts", latest=3) == expected
    assert texts(other, "/thoughts", author="nobody") == []


def test_search_finds_whole_words(alone):
    server = alone[0]
    for text in ("Zebra crossing at noon", "zebra at NIGHT", "a horse at noon"):
        write(server, text)
    assert texts(server, "/search", q="zebra noon") == ["Zebra crossing at noon"]
    assert texts(server, "/search", q="zebra -noon") == ["zebra at NIGHT"]
    assert texts(server, "/search", q='"at noon"') == ["a horse at noon", "Zebra crossing at noon"]
    for nothing in ("", " ", "\x00", "zeb", "'", '"', "& | !", "(", "x" * 3000, "🌊"):
        assert texts(server, "/search", q=nothing) == []


def test_writing_twice_is_writing_once(alone):
    server, wanted = alone[0], str(uuid.uuid4())
    first, again = (write(server, "only once", id=wanted) for _ in range(2))
    assert first.json() == again.json()
    assert texts(server, "/search", q="once") == ["only once"]
    assert write(server, "something else", id=wanted).status_code == 409
    assert write(server, "only once", name="grace", id=wanted).status_code == 409


def test_only_somebody_logged_in_writes(alone):
    for authorization in ("", "Bearer", "Bearer x", f"Basic {SIGNER.session('ada')}"):
        headers = {"Authorization": authorization}
        answer = alone[0].post("/thoughts", json={"text": "x"}, headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("text", "status"), [("", 422), ("x" * 281, 422), ("x" * 280, 201), (None, 400), (7, 400)]
)
def test_what_may_be_written(alone, text, status):
    assert write(alone[0], text).status_code == status


def test_a_strange_id_or_number_is_refused(alone):
    assert write(alone[0], "x", id="x").status_code == 400
    assert write(alone[0], "x", id=7).status_code == 400
    for latest in ("0", "-1", "101"):
        assert alone[0].get("/thoughts", params={"latest": latest}).status_code == 400


def test_search_uses_its_index(sides):
    with psycopg.connect(sides.thoughts_database) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT FROM thoughts WHERE words @@ websearch_to_tsquery('simple', 'tide')"
        ).fetchall()
    assert "thoughts_words" in str(plan)


def test_the_first_import_is_whole(sides):
    with (
        psycopg.connect(sides.monolith_database) as old,
        psycopg.connect(sides.thoughts_database) as new,
    ):
        seeded = old.execute(
            "SELECT t.id, u.name, t.text, t.created FROM mythoughts_thought t"
            " JOIN mythoughts_user u ON u.id = t.user_id WHERE t.created < '2026-01-01' ORDER BY 1"
        ).fetchall()
        mine = new.execute(
            "SELECT id, author, text, created FROM thoughts WHERE created < '2026-01-01' ORDER BY 1"
        ).fetchall()
    assert len(seeded) == 1100
    assert mine == seeded


def test_a_write_goes_to_the_monolith_first(sides):
    thought = write(sides.thoughts, "kept on both sides").json()
    with psycopg.connect(sides.monolith_database) as old:
        found = old.execute("SELECT text FROM mythoughts_thought WHERE id = %s", [thought["id"]]).fetchall()
    assert found == [("kept on both sides",)]
    assert texts(sides.thoughts, "/search", q="kept sides") == ["kept on both sides"]


def test_the_monolith_goes_away_and_comes_back_with_a_new_database(postgres, starting):
    database, port = postgres.new_database(), free_port()
    old = start_monolith(postgres.new_database(), "--users=3", "--thoughts=600", port=port)
    starting(old).wait_for("/health")
    server = start_service("thoughts", DATABASE_URL=database, MONOLITH_URL=f"http://127.0.0.1:{port}")
    starting(server).wait_for("/ready")
    old.kill()

    assert write(server, "lost with the monolith").status_code == 503
    assert texts(server, "/search", q="lost monolith") == []
    assert len(texts(server, "/thoughts", latest=100)) == 100
    assert server.answers("/ready")

    new = start_monolith(postgres.new_database(), "--users=1", "--thoughts=2", port=port)
    starting(new).wait_for("/health")
    assert eventually(lambda: write(server, "kept again").status_code == 201)
    headers = {"Authorization": f"Bearer {SECRETS['EXPORT_TOKEN']}"}
    thought = {
        "id": str(uuid.uuid4()),
        "author": "ada",
        "text": "after the restart",
        "created": "2026-06-01T00:00:00+00:00",
    }
    assert new.post("/export/thoughts", json=thought, headers=headers).status_code == 201
    assert eventually(lambda: texts(server, "/search", q="after the restart") == ["after the restart"])
