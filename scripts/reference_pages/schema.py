"""src/seaway/seaway.schema.json: the file's shape for editors (JSON Schema 2020-12)."""

from __future__ import annotations

import json

from seaway.flow.system import System


def page() -> str:
    schema = System.model_json_schema()
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "seaway.yaml"}
    return json.dumps({**head, **{k: v for k, v in schema.items() if k != "title"}}, indent=2) + "\n"
