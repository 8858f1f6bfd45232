"""The users service: who is who."""

from typing import Any, LiteralString

import psycopg
from flask import Flask, Response, request

from . import feed, passwords
from .client import Client
from .database import Database, Row
from .environment import optional, required
from .feed import Feed
from .signing import SESSION_SECONDS, Signer

LONGEST_BODY = 64 * 1024
SCHEMA: LiteralString = (
    feed.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS users (
    name text PRIMARY KEY,
    password text NOT NULL
);
"""
)
HASH_OF: LiteralString = "SELECT password FROM users WHERE name = %s"
STORE: LiteralString = """
INSERT INTO users (name, password) VALUES (%(name)s, %(password)s)
ON CONFLICT (name) DO UPDATE SET password = EXCLUDED.password
"""


def store(connection: psycopg.Connection[Row], items: list[dict[str, Any]]) -> None:
    """Adds or renews people whom the monolith knows."""
    with connection.cursor() as cursor:
        cursor.executemany(STORE, items)


def create_app() -> Flask:
    signer = Signer(required("SESSION_KEY"))
    database = Database(required("DATABASE_URL"), SCHEMA)
    database.start()
    follower = None
    if monolith := optional("MONOLITH_URL"):
        token = required("EXPORT_TOKEN")
        follower = Feed(database, Client(monolith), token, "/export/users", store)
        follower.start()

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready")
    def ready() -> tuple[dict[str, str], int]:
        if not database.answers():
            return {"status": "the database does not answer"}, 503
        if follower and not follower.complete():
            return {"status": "the first import from the monolith is not done"}, 503
        return {"status": "ok"}, 200

    @app.post("/login")
    def login() -> tuple[dict[str, object], int]:
        given = request.get_json(silent=True)
        if not isinstance(given, dict):
            return {"error": "send a JSON object with name and password"}, 400
        name, password = given.get("name"), given.get("password")
        if not isinstance(name, str) or not isinstance(password, str) or "\x00" in name:
            return {"error": "name and password must be texts"}, 400
        found = database.rows(HASH_OF, [name])
        if not passwords.fits(password, found[0]["password"] if found else None):
            return {"error": "the name and the password do not go together"}, 401
        return {"name": name, "token": signer.session(name), "seconds": SESSION_SECONDS}, 200

    @app.errorhandler(psycopg.OperationalError)
    def no_database(problem: psycopg.OperationalError) -> tuple[dict[str, str], int]:
        app.logger.warning("the database does not answer: %s", problem)
        return {"error": "the database does not answer"}, 503

    @app.after_request
    def served_by(answer: Response) -> Response:
        answer.headers["x-served-by"] = "users"
        return answer

    return app
