"""A person who logs in to the old server; the cookie is good on both sides."""

from __future__ import annotations

import re
import sys
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Final

#: What the example's seed gives everybody.
NAME: Final = "ada"
PASSWORD: Final = "calm-seas-and-fair-winds"  # noqa: S105  (of a made-up person, shown on purpose)


def cookie(base: str) -> str:
    """Log in at `base` and return the Cookie header of a logged-in browser."""
    person = Visitor(base)
    person.log_in()
    return person.cookie


class Visitor:
    """A browser at the login page of `base`, its form filled in; `form` may be sent again and again."""

    def __init__(self, base: str, password: str = PASSWORD) -> None:
        self._page, self._jar = f"{base}/login/", CookieJar()
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        page = self._browser.open(self._page, timeout=10).read().decode()
        token = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
        if token is None:
            sys.exit(f"{self._page} has no form")
        filled = {"name": NAME, "password": password, "next": "", "form_token": token[1]}
        self.form = urllib.parse.urlencode(filled)

    @property
    def cookie(self) -> str:
        """The Cookie header."""
        return "; ".join(f"{each.name}={each.value}" for each in self._jar)

    def log_in(self) -> None:
        self._browser.open(self._page, self.form.encode(), timeout=10).read()
