"""Edge: the gateway, its certificates, and the monolith behind it."""
