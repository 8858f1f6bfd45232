"""Checks a password against the hash that Django made, so people keep their passwords."""

import base64
import hashlib
import hmac
import logging

log = logging.getLogger(__name__)

ALGORITHM = "pbkdf2_sha256"
USUAL_ITERATIONS = 1_000_000  # Django 5.2's; every wrong password costs at least so many


def fits(password: str, encoded: str | None) -> bool:
    """True if the password belongs to the hash; None stands for somebody unknown."""
    if encoded is None:
        _digest(password, "nobody", USUAL_ITERATIONS)
        return False
    algorithm, _, rest = encoded.partition("$")
    if algorithm != ALGORITHM or rest.count("$") < 2:
        log.error("a password is stored in a form that is not %s", ALGORITHM)
        return False
    iterations, salt, expected = rest.split("$", 2)
    found = base64.b64encode(_digest(password, salt, int(iterations))).decode()
    if hmac.compare_digest(found.encode(), expected.encode()):
        return True
    if (missing := USUAL_ITERATIONS - int(iterations)) > 0:
        _digest(password, salt, missing)  # so that time does not tell who exists
    return False


def _digest(password: str, salt: str, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)
