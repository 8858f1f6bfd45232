"""Sigstore, identities instead of keys: the one place that knows its library (the extra `keyless`)."""
