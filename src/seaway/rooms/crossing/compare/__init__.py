"""Comparison of both sides before a single user moves."""
