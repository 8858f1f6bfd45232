"""What both sides sign with SESSION_KEY: the session cookie and the token in each form.

Nothing is stored: whoever holds the key accepts what another holder issued, so a visitor
who is moved between the monolith and the services stays logged in.

The same file is in every project of this example; tests/test_copies.py keeps them equal.
"""

import hashlib
import hmac
import secrets
import time

import jwt

SESSION_COOKIE = "thoughts_session"
SESSION_SECONDS = 7 * 24 * 3600
FORM_COOKIE = "thoughts_form"
FORM_FIELD = "form_token"
SHORTEST_KEY = 16


class Signer:
    """Issues and checks sessions and form tokens; one key is derived for each purpose."""

    def __init__(self, key: str) -> None:
        if len(key) < SHORTEST_KEY:
            raise SystemExit(f"SESSION_KEY is too short: it needs {SHORTEST_KEY} characters or more")
        self._session_key = _derive(key, "session")
        self._form_key = _derive(key, "form")

    def session(self, name: str, now: float | None = None) -> str:
        """A signed token that says who is logged in, until when."""
        issued = int(time.time() if now is None else now)
        claims = {"sub": name, "iat": issued, "exp": issued + SESSION_SECONDS}
        return jwt.encode(claims, self._session_key, algorithm="HS256")

    def who(self, session: str | None) -> str | None:
        """The name in a valid session; None for a missing, forged or expired one."""
        if not session:
            return None
        try:
            claims = jwt.decode(
                session,
                self._session_key,
                algorithms=["HS256"],
                options={"require": ["sub", "exp"]},
            )
        except jwt.InvalidTokenError:
            return None
        return claims["sub"]

    def form_token(self, nonce: str, who: str | None) -> str:
        """The token for a form shown to this browser (its cookie) and this person."""
        message = f"{nonce}\n{who or ''}".encode()
        return hmac.new(self._form_key, message, hashlib.sha256).hexdigest()

    def form_is_ours(self, nonce: str | None, who: str | None, token: str | None) -> bool:
        """True if the posted form was rendered for this browser and this person."""
        if not nonce or not token:
            return False
        return hmac.compare_digest(self.form_token(nonce, who).encode(), token.encode())


def new_nonce() -> str:
    """A random value for the form cookie."""
    return secrets.token_urlsafe(24)


def _derive(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).digest()
