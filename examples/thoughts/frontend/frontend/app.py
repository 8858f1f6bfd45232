"""The frontend service: the pages, with what the users and the thoughts service know."""

import uuid
from collections.abc import Callable
from functools import partial

from flask import Flask, Response, request
from werkzeug.exceptions import MethodNotAllowed

from . import RELEASE, rules
from .client import Client, Unreachable
from .environment import optional, required
from .pages import Pages
from .signing import SESSION_COOKIE, Signer

RESTING = "A part of MyThoughts does not answer just now. Nothing is lost: try again in a moment."


View = Callable[[], Response]


def both_addresses(app: Flask, method: str, path: str) -> Callable[[View], View]:
    """A decorator: the view answers with and without a slash at the end."""

    def register(view: View) -> View:
        for address in (path, f"{path}/"):
            app.add_url_rule(address, view_func=view, methods=[method])
        return view

    return register


def create_app() -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = rules.LONGEST_BODY
    pages = Pages(app, Signer(required("SESSION_KEY")))
    users, thoughts = Client(required("USERS_URL")), Client(required("THOUGHTS_URL"))
    version = optional("VERSION", RELEASE)

    get, post = (partial(both_addresses, app, method) for method in ("GET", "POST"))

    def listed(path: str, **query: object) -> list[rules.Shown]:
        answer = thoughts.get(path, **query)
        if answer.status != 200:
            raise Unreachable(f"the thoughts service answers {answer.status}: {answer.body}")
        return [rules.shown(t["author"], t["text"], t["created"]) for t in answer.body["thoughts"]]

    @app.get("/health")
    def health() -> Response:
        return Response('{"status":"ok"}\n', content_type="application/json")

    @app.get("/")
    def home() -> Response:
        return pages.page("home.html", thoughts=listed("/thoughts", latest=rules.MOST))

    @get("/thoughts")
    def own() -> Response:
        who = pages.who()
        if not who:
            return pages.go("/login/?next=/thoughts/")
        return pages.page("own.html", thoughts=listed("/thoughts", author=who))

    @get("/search")
    def search() -> Response:
        query = rules.query(request.args.get("q", ""))
        found = listed("/search", q=query) if query else []
        return pages.page("search.html", q=query, thoughts=found)

    @get("/thoughts/new")
    def new() -> Response:
        return new_form() if pages.who() else pages.go("/login/?next=/thoughts/new")

    @post("/thoughts/new")
    def write() -> Response:
        if not pages.who():
            return pages.go("/login/?next=/thoughts/new")
        if not pages.form_is_ours():
            return refused()
        text = rules.clean(request.form.get("text", ""))
        if problem := rules.problem_with(text):
            return new_form(422, error=problem, text=text)
        thought = {"id": str(uuid.uuid4()), "text": text}
        answer = thoughts.post("/thoughts", thought, request.cookies[SESSION_COOKIE], again=True)
        if answer.status != 201:
            raise Unreachable(f"the thoughts service answers {answer.status}: {answer.body}")
        return pages.go("/thoughts/")

    @get("/login")
    def login() -> Response:
        return login_form(request.args.get("next"))

    @post("/login")
    def log_in() -> Response:
        if not pages.form_is_ours():
            return refused()
        name, wanted = rules.clean(request.form.get("name", "")), request.form.get("next")
        asked = {"name": name, "password": request.form.get("password", "")}
        answer = users.post("/login", asked, again=True)
        if answer.status == 401:
            return login_form(wanted, 401, error=rules.WRONG_LOGIN, name=name)
        if answer.status != 200:
            raise Unreachable(f"the users service answers {answer.status}: {answer.body}")
        return pages.log_in(pages.go(rules.after_login(wanted)), answer.body["token"])

    @get("/logout")
    def logout() -> Response:
        return pages.form("logout.html") if pages.who() else pages.go("/")

    @post("/logout")
    def log_out() -> Response:
        if not pages.form_is_ours():
            return refused()
        answer = pages.go("/")
        answer.delete_cookie(SESSION_COOKIE, samesite="Lax")
        return answer

    def login_form(wanted: str | None, status: int = 200, error: str = "", name: str = "") -> Response:
        place = rules.after_login(wanted)
        return pages.form("login.html", status, next=place, error=error, name=name)

    def new_form(status: int = 200, error: str = "", text: str = "") -> Response:
        longest = rules.LONGEST_TEXT
        return pages.form("new.html", status, error=error, text=text, longest=longest)

    def refused() -> Response:
        return pages.message(403, "Not accepted", rules.FORM_REFUSED)

    @app.errorhandler(404)
    def not_found(_: Exception) -> Response:
        return pages.message(404, "Nothing here", "There is no page at this address.")

    @app.errorhandler(405)
    def not_allowed(problem: MethodNotAllowed) -> Response:
        allowed = ", ".join(sorted(problem.valid_methods or ()))
        return Response(status=405, headers={"Allow": allowed})

    @app.errorhandler(Unreachable)
    def resting(problem: Unreachable) -> Response:
        app.logger.warning("%s", problem)
        answer = pages.message(503, "One moment, please", RESTING)
        answer.headers["Retry-After"] = "2"
        return answer

    @app.after_request
    def served_by(answer: Response) -> Response:
        answer.headers["x-served-by"] = "frontend"
        answer.headers["x-version"] = version
        return answer

    return app
