"""A certificate that an ACME server signs (RFC 8555), and its renewal."""
