"""The rooms, in walking order: images → cluster → data → services → edge → crossing.

Each is one promise, in one folder: `spec.py` is its part of the file, `facts.py` what can be seen of it,
`plan.py` turns both into steps (pure), `steps.py` holds the steps. Rooms never import each other.
"""
