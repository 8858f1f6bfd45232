"""Images: a Python project becomes an OCI image, without Docker."""
