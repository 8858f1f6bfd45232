"""The composition root: only here rooms and a provider meet. Doors call it; it decides nothing."""
