"""How thoughts lie in PostgreSQL. Lists are the newest first, as in the monolith."""

from typing import Any, LiteralString

import psycopg

from . import feed
from .database import Database, Row

SCHEMA: LiteralString = (
    feed.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS thoughts (
    id uuid PRIMARY KEY,
    author text NOT NULL,
    text text NOT NULL,
    created timestamptz NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED
);
CREATE INDEX IF NOT EXISTS thoughts_newest ON thoughts (created DESC, id DESC);
CREATE INDEX IF NOT EXISTS thoughts_by ON thoughts (author, created DESC, id DESC);
CREATE INDEX IF NOT EXISTS thoughts_words ON thoughts USING gin (words);
"""
)
NEWEST: LiteralString = """
SELECT id, author, text, created FROM thoughts ORDER BY created DESC, id DESC LIMIT %s
"""
BY: LiteralString = """
SELECT id, author, text, created FROM thoughts WHERE author = %s
ORDER BY created DESC, id DESC LIMIT %s
"""
WITH_WORDS: LiteralString = """
SELECT id, author, text, created FROM thoughts
WHERE words @@ websearch_to_tsquery('simple', %s)
ORDER BY created DESC, id DESC LIMIT %s
"""
KEEP: LiteralString = """
INSERT INTO thoughts (id, author, text, created)
VALUES (%(id)s, %(author)s, %(text)s, %(created)s)
ON CONFLICT (id) DO UPDATE SET id = thoughts.id
RETURNING id, author, text, created
"""
STORE: LiteralString = """
INSERT INTO thoughts (id, author, text, created)
VALUES (%(id)s, %(author)s, %(text)s, %(created)s)
ON CONFLICT (id) DO UPDATE
SET author = EXCLUDED.author, text = EXCLUDED.text, created = EXCLUDED.created
"""

Thought = dict[str, Any]


def newest(database: Database, most: int) -> list[Thought]:
    return [as_json(row) for row in database.rows(NEWEST, [most])]


def by(database: Database, author: str, most: int) -> list[Thought]:
    return [as_json(row) for row in database.rows(BY, [author, most])]


def with_words(database: Database, query: str, most: int) -> list[Thought]:
    return [as_json(row) for row in database.rows(WITH_WORDS, [query, most])]


def keep(database: Database, thought: Thought) -> Thought:
    """Stores a new thought; what already has this id stays and is returned."""
    return as_json(database.rows(KEEP, thought)[0])


def store(connection: psycopg.Connection[Row], items: list[Thought]) -> None:
    """Adds or renews thoughts that the monolith has."""
    with connection.cursor() as cursor:
        cursor.executemany(STORE, items)


def as_json(row: Row) -> Thought:
    return {**row, "id": str(row["id"]), "created": row["created"].isoformat()}
