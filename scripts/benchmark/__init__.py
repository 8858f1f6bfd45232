"""Measurements: every figure that the docs quote comes from here."""
