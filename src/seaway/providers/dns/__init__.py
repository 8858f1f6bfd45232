"""Zones on servers of one's own: changed over the wire, or by hand."""
