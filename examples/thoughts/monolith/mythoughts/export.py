"""The feed that the services read, and the door through which they write.

Every request needs `Authorization: Bearer EXPORT_TOKEN`, wherever it comes from: the users
feed has password hashes. Without an EXPORT_TOKEN the monolith serves none of this.

A reader asks for what comes after the last `seq` it has. A trigger gives out `seq` under a
lock that is held until commit, so numbers become visible in the order they were given: no
row can turn up behind a reader's back. A row that changes gets a new number.
"""

import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_safe

from . import rules
from .models import Feed, Thought, User

PAGE = 500
View = Callable[[HttpRequest], HttpResponse]


def for_services(view: View) -> View:
    """Only for a caller with the token."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not settings.EXPORT_TOKEN:
            return failed(404, "there is no export here")
        expected = f"Bearer {settings.EXPORT_TOKEN}".encode()
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(expected, given):
            return failed(401, "the export token is missing or wrong")
        return view(request)

    return guarded


@require_safe
@for_services
def users(request: HttpRequest) -> HttpResponse:
    return feed(request, User.objects.all(), lambda u: {"name": u.name, "password": u.password})


@require_http_methods(["GET", "HEAD", "POST"])
@for_services
def thoughts(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return write(request)
    return feed(request, Thought.objects.with_authors(), as_json)


def feed(request: HttpRequest, rows: QuerySet, form: Callable[..., dict]) -> HttpResponse:
    """One page after N, the number to ask from next, and whether there is more."""
    try:
        after = int(request.GET.get("after", "0"))
    except ValueError:
        return failed(400, "after must be a whole number")
    if not 0 <= after < 2**63:
        return failed(400, "after must be 0 or more, and fit in 64 bits")
    found = list(rows.filter(seq__gt=after).order_by("seq")[: PAGE + 1])
    page = found[:PAGE]
    return JsonResponse(
        {
            "feed": str(Feed.objects.get().id),
            "items": [form(row) for row in page],
            "last": page[-1].seq if page else after,
            "more": len(found) > PAGE,
        }
    )


def write(request: HttpRequest) -> HttpResponse:
    """Stores a thought that a service took in; the same one again changes nothing."""
    try:
        given = json.loads(request.body)
        wanted = uuid.UUID(given["id"])
        created = datetime.fromisoformat(given["created"]).astimezone(UTC)
        author, text = rules.clean(given["author"]), rules.clean(given["text"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return failed(400, "a thought is a JSON object with id, author, text and created")
    if problem := rules.problem_with(text):
        return failed(422, problem)
    user = User.objects.filter(name=author).first()
    if user is None:
        return failed(422, "nobody has this name")
    thought, is_new = Thought.objects.get_or_create(
        id=wanted, defaults={"user": user, "text": text, "created": created}
    )
    if (thought.user_id, thought.text) != (user.id, text):
        return failed(409, "another thought has this id")
    return JsonResponse(as_json(thought), status=201 if is_new else 200)


def as_json(thought: Thought) -> dict[str, str]:
    return {
        "id": str(thought.id),
        "author": thought.author,
        "text": thought.text,
        "created": thought.created.isoformat(),
    }


def failed(status: int, why: str) -> HttpResponse:
    return JsonResponse({"error": why}, status=status)
