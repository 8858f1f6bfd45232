"""Who is logged in, and who answered."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from .pages import signer
from .signing import SESSION_COOKIE

View = Callable[[HttpRequest], HttpResponse]


def served_by(get_response: View) -> View:
    """Every answer says which side gave it."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["x-served-by"] = "monolith"
        return response

    return answer


def who(get_response: View) -> View:
    """request.who is the name in a valid session cookie, else None."""

    def answer(request: HttpRequest) -> HttpResponse:
        request.who = signer().who(request.COOKIES.get(SESSION_COOKIE))
        return get_response(request)

    return answer
