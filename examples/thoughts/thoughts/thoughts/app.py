"""The thoughts service: keeps thoughts and finds them."""

import uuid
from datetime import UTC, datetime

import psycopg
from flask import Flask, Response, request

from . import rules, storage
from .client import Client, Unreachable
from .database import Database
from .environment import optional, required
from .feed import Feed
from .signing import Signer

MOST = 100
Json = tuple[dict[str, object], int]


def create_app() -> Flask:
    signer = Signer(required("SESSION_KEY"))
    database = Database(required("DATABASE_URL"), storage.SCHEMA)
    database.start()
    follower = writer = None
    token = optional("EXPORT_TOKEN")
    if address := optional("MONOLITH_URL"):
        token, writer = required("EXPORT_TOKEN"), Client(address)
        follower = Feed(database, Client(address), token, "/export/thoughts", storage.store)
        follower.start()

    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False
    app.config["MAX_CONTENT_LENGTH"] = rules.LONGEST_BODY

    @app.get("/health")
    def health() -> Json:
        return {"status": "ok"}, 200

    @app.get("/ready")
    def ready() -> Json:
        if not database.answers():
            return {"status": "the database does not answer"}, 503
        if follower and not follower.complete():
            return {"status": "the first import from the monolith is not done"}, 503
        return {"status": "ok"}, 200

    @app.get("/thoughts")
    def newest() -> Json:
        latest = request.args.get("latest", default=rules.MOST, type=int)
        if not 1 <= latest <= MOST:
            return {"error": f"latest must be from 1 to {MOST}"}, 400
        author = rules.clean(request.args.get("author", ""))
        if author:
            return {"thoughts": storage.by(database, author, latest)}, 200
        return {"thoughts": storage.newest(database, latest)}, 200

    @app.get("/search")
    def search() -> Json:
        query = rules.query(request.args.get("q", ""))
        found = storage.with_words(database, query, rules.MOST) if query else []
        return {"thoughts": found}, 200

    @app.post("/thoughts")
    def write() -> Json:
        kind, _, session = request.headers.get("Authorization", "").partition(" ")
        author = signer.who(session) if kind == "Bearer" else None
        if author is None:
            return {"error": "log in first: the session is missing, forged or expired"}, 401
        given = request.get_json(silent=True)
        try:
            wanted = uuid.UUID(given["id"]) if "id" in given else uuid.uuid4()
            text = rules.clean(given["text"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"error": "send a JSON object with text and, if you like, id (a UUID)"}, 400
        if problem := rules.problem_with(text):
            return {"error": problem}, 422
        created = datetime.now(UTC).isoformat()
        thought = {"id": str(wanted), "author": author, "text": text, "created": created}
        if writer:
            answer = writer.post("/export/thoughts", thought, token, again=True)
            if answer.status == 409:
                return {"error": "another thought has this id"}, 409
            if answer.status not in (200, 201):
                raise Unreachable(f"the monolith answers {answer.status}: {answer.body}")
            thought = answer.body
        kept = storage.keep(database, thought)
        if (kept["author"], kept["text"]) != (author, text):
            return {"error": "another thought has this id"}, 409
        return kept, 201

    @app.errorhandler(Unreachable)
    def no_monolith(problem: Unreachable) -> Json:
        app.logger.warning("not written: %s", problem)
        return {"error": "the monolith, which still keeps what is written, does not answer"}, 503

    @app.errorhandler(psycopg.OperationalError)
    def no_database(problem: psycopg.OperationalError) -> Json:
        app.logger.warning("the database does not answer: %s", problem)
        return {"error": "the database does not answer"}, 503

    @app.after_request
    def served_by(answer: Response) -> Response:
        answer.headers["x-served-by"] = "thoughts"
        return answer

    return app
