"""Pages as HTML, from the same templates as the frontend service has."""

from functools import cache

import jinja2
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from .rules import page_headers
from .signing import FORM_COOKIE, SESSION_COOKIE, SESSION_SECONDS, Signer, new_nonce

COOKIE = {"httponly": True, "samesite": "Lax"}


@cache
def signer() -> Signer:
    return Signer(settings.SESSION_KEY)


@cache
def headers() -> dict[str, str]:
    return page_headers(render_to_string("style.css"))


def environment(**options: object) -> jinja2.Environment:
    """Django's Jinja environment, which escapes, with the frontend's white space."""
    return jinja2.Environment(trim_blocks=True, lstrip_blocks=True, **options)  # noqa: S701


def page(request: HttpRequest, template: str, status: int = 200, **values: object) -> HttpResponse:
    """A page for whoever is logged in."""
    html = render_to_string(template, {"who": request.who, **values})
    return HttpResponse(html, status=status, headers=headers())


def form(request: HttpRequest, template: str, status: int = 200, **values: object) -> HttpResponse:
    """A page with a form, and the cookie that its token belongs to."""
    known = request.COOKIES.get(FORM_COOKIE)
    nonce = known or new_nonce()
    token = signer().form_token(nonce, request.who)
    answer = page(request, template, status, form_token=token, **values)
    if not known:
        answer.set_cookie(FORM_COOKIE, nonce, secure=by_https(request), **COOKIE)
    return answer


def message(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    """A page that only says something."""
    return page(request, "message.html", status, title=title, message=text)


def go(place: str) -> HttpResponse:
    """On to another page of ours."""
    return HttpResponse(status=303, headers={**headers(), "Location": place})


def log_in(request: HttpRequest, answer: HttpResponse, name: str) -> HttpResponse:
    answer.set_cookie(
        SESSION_COOKIE,
        signer().session(name),
        max_age=SESSION_SECONDS,
        secure=by_https(request),
        **COOKIE,
    )
    return answer


def by_https(request: HttpRequest) -> bool:
    """True if the visitor came by https, whether to us or to the gateway before us."""
    return request.is_secure() or request.headers.get("X-Forwarded-Proto") == "https"
