"""The vocabulary: frozen values that every room shares, and nothing that does anything."""
