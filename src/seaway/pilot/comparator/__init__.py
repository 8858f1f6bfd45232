"""The comparator: asks both sides of a crossing what visitors ask, and compares the answers."""
