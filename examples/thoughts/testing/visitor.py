"""A browser, as far as these pages need one: it keeps cookies and posts forms."""

import re

import httpx

PASSWORD = "calm-seas-and-fair-winds"  # what seed.py gives everybody
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


class Visitor(httpx.Client):
    """Its cookies go to every port of the loopback address, as through one gateway."""

    def __init__(self) -> None:
        super().__init__(timeout=10, verify=False)  # there is no https here

    def token(self, url: str) -> str:
        """The form token on a page."""
        page = self.get(url)
        found = TOKEN.search(page.text)
        assert found, f"{url} has no form: {page.status_code} {page.text}"
        return found[1]

    def submit(self, rendered_by: str, path: str, to: str = "", **fields: str) -> httpx.Response:
        """Posts the form on a page to the same side, or to the other one."""
        fields["form_token"] = self.token(rendered_by + path)
        return self.post((to or rendered_by) + path, data=fields)

    def log_in(
        self, rendered_by: str, name: str, password: str = PASSWORD, to: str = "", then: str = ""
    ) -> httpx.Response:
        return self.submit(rendered_by, "/login/", to, name=name, password=password, next=then)

    def write(self, rendered_by: str, text: str, to: str = "") -> httpx.Response:
        return self.submit(rendered_by, "/thoughts/new", to, text=text)

    def who(self, url: str) -> str | None:
        """The name that a side's home page shows."""
        found = re.search(r"Log out ([^<]+)</a>", self.get(url + "/").text)
        return found[1] if found else None
