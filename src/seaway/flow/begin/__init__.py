"""How a system begins: survey (a repository → what is in it) → draft (→ the text of a seaway.yaml)."""
