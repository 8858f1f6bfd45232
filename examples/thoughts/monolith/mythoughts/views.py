"""The pages. The frontend service has the same ones."""

from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from . import rules
from .models import Thought, ThoughtQuerySet, User
from .pages import form, go, log_in, message, page, signer
from .signing import FORM_COOKIE, FORM_FIELD, SESSION_COOKIE

read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse('{"status":"ok"}\n', content_type="application/json")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return page(request, "home.html", thoughts=shown(Thought.objects.all()))


@require_safe
def own(request: HttpRequest) -> HttpResponse:
    if not request.who:
        return go("/login/?next=/thoughts/")
    thoughts = Thought.objects.filter(user__name=request.who)
    return page(request, "own.html", thoughts=shown(thoughts))


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    query = rules.query(request.GET.get("q", ""))
    thoughts = shown(Thought.objects.with_words(query)) if query else []
    return page(request, "search.html", q=query, thoughts=thoughts)


@read_or_post
def new(request: HttpRequest) -> HttpResponse:
    if not request.who:
        return go("/login/?next=/thoughts/new")
    if request.method != "POST":
        return new_form(request)
    if not ours(request):
        return refused(request)
    text = rules.clean(request.POST.get("text", ""))
    if problem := rules.problem_with(text):
        return new_form(request, 422, error=problem, text=text)
    user = User.objects.filter(name=request.who).first()
    if user is None:
        return go("/login/?next=/thoughts/new")
    Thought.objects.create(user=user, text=text)
    return go("/thoughts/")


@read_or_post
def login(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return login_form(request, request.GET.get("next"))
    if not ours(request):
        return refused(request)
    name = rules.clean(request.POST.get("name", ""))
    if not password_fits(name, request.POST.get("password", "")):
        wanted = request.POST.get("next")
        return login_form(request, wanted, 401, error=rules.WRONG_LOGIN, name=name)
    return log_in(request, go(rules.after_login(request.POST.get("next"))), name)


@read_or_post
def logout(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return form(request, "logout.html") if request.who else go("/")
    if not ours(request):
        return refused(request)
    answer = go("/")
    answer.delete_cookie(SESSION_COOKIE, samesite="Lax")
    return answer


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return message(request, 404, "Nothing here", "There is no page at this address.")


def shown(thoughts: ThoughtQuerySet) -> list[rules.Shown]:
    return [rules.shown(t.author, t.text, t.created.isoformat()) for t in thoughts.newest()]


def password_fits(name: str, password: str) -> bool:
    user = User.objects.filter(name=name).first()
    if user is None:
        make_password(password)  # takes as long as a check: does not tell who exists
        return False
    return check_password(password, user.password)


def login_form(
    request: HttpRequest, wanted: str | None, status: int = 200, error: str = "", name: str = ""
) -> HttpResponse:
    place = rules.after_login(wanted)
    return form(request, "login.html", status, next=place, error=error, name=name)


def new_form(request: HttpRequest, status: int = 200, error: str = "", text: str = "") -> HttpResponse:
    longest = rules.LONGEST_TEXT
    return form(request, "new.html", status, error=error, text=text, longest=longest)


def ours(request: HttpRequest) -> bool:
    nonce = request.COOKIES.get(FORM_COOKIE)
    return signer().form_is_ours(nonce, request.who, request.POST.get(FORM_FIELD))


def refused(request: HttpRequest) -> HttpResponse:
    return message(request, 403, "Not accepted", rules.FORM_REFUSED)
