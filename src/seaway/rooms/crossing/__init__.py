"""Crossing: routes leave the monolith, by weight, in order, and can come back."""
