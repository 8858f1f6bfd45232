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
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = browser.open(f"{base}/login/", timeout=10).read().decode()
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    if token is None:
        sys.exit(f"{base}/login/ has no form")
    form = {"name": NAME, "password": PASSWORD, "next": "", "form_token": token[1]}
    browser.open(f"{base}/login/", urllib.parse.urlencode(form).encode(), timeout=10).read()
    return "; ".join(f"{each.name}={each.value}" for each in jar)
