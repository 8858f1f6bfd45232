"""Pages as HTML, from the same templates as the monolith has."""

from flask import Flask, Response, g, render_template, request

from .rules import page_headers
from .signing import FORM_COOKIE, FORM_FIELD, SESSION_COOKIE, SESSION_SECONDS, Signer, new_nonce

COOKIE = {"httponly": True, "samesite": "Lax"}


class Pages:
    """Renders for whoever sent the request."""

    def __init__(self, app: Flask, signer: Signer) -> None:
        self._signer = signer
        app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
        self._headers = page_headers(app.jinja_env.get_template("style.css").render())

    def who(self) -> str | None:
        """The name in a valid session cookie, else None; looked at once in a request."""
        if "who" not in g:
            g.who = self._signer.who(request.cookies.get(SESSION_COOKIE))
        return g.who

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page for whoever is logged in."""
        html = render_template(template, who=self.who(), **values)
        return Response(html, status, self._headers, content_type="text/html; charset=utf-8")

    def form(self, template: str, status: int = 200, **values: object) -> Response:
        """A page with a form, and the cookie that its token belongs to."""
        known = request.cookies.get(FORM_COOKIE)
        nonce = known or new_nonce()
        token = self._signer.form_token(nonce, self.who())
        answer = self.page(template, status, form_token=token, **values)
        if not known:
            answer.set_cookie(FORM_COOKIE, nonce, secure=by_https(), **COOKIE)
        return answer

    def form_is_ours(self) -> bool:
        """True if the posted form was rendered, by either side, for this visitor."""
        nonce = request.cookies.get(FORM_COOKIE)
        return self._signer.form_is_ours(nonce, self.who(), request.form.get(FORM_FIELD))

    def message(self, status: int, title: str, text: str) -> Response:
        """A page that only says something."""
        return self.page("message.html", status, title=title, message=text)

    def go(self, place: str) -> Response:
        """On to another page of ours."""
        headers = {**self._headers, "Location": place}
        return Response(b"", 303, headers, content_type="text/html; charset=utf-8")

    def log_in(self, answer: Response, token: str) -> Response:
        answer.set_cookie(SESSION_COOKIE, token, max_age=SESSION_SECONDS, secure=by_https(), **COOKIE)
        return answer


def by_https() -> bool:
    """True if the visitor came by https, whether to us or to the gateway before us."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
