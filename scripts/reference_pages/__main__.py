"""Write every page, or with --check say which are not what the code says now."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.reference_pages import commands, keys, schema

TOP = Path(__file__).parents[2]
PAGES = {
    "docs/reference/cli.md": commands.page,
    "docs/reference/seaway-yaml.md": keys.page,
    "src/seaway/seaway.schema.json": schema.page,
}


def main(words: list[str]) -> int:
    check = words == ["--check"]
    if words and not check:
        sys.stderr.write("usage: scripts/reference [--check]\n")
        return 2
    stale = []
    for name, make in PAGES.items():
        file, text = TOP / name, make()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"{'out of date' if check else 'wrote'}: {name}\n")
    if check and stale:
        sys.stderr.write("run scripts/reference\n")
    return int(check and bool(stale))


sys.exit(main(sys.argv[1:]))
