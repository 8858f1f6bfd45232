"""Visitors of chosen paths log in at a real issuer first; every other path stays open."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import yaml

from seaway.kit.kube import Ref
from seaway.model.event import silent
from tests.cluster.issuer import Client, Issuer, issuer
from tests.cluster.support import until
from tests.cluster.tiny_system import DOMAIN, HTTPS, MONOLITH, NAME, SYSTEM, Tiny

EDGE = f"https://{DOMAIN}:{HTTPS}"
#: A further public name.
OTHER = f"www.{DOMAIN}"
SECRET = "given-out-by-the-issuer"
GATEWAY = Client("gateway", SECRET, f"{EDGE}/.login/callback")
#: One path of the monolith's, and the route of a crossing.
PATHS = ["/private", "/second"]
#: Ways to write the first that another server might read as it.
ODD = ("//private", "/x/../private", "/%70rivate", "/private%2Fdeep", "/./private", "/private?/../first")
GIVEN = {"SEAWAY_SECRET_SSO": SECRET}


@pytest.fixture(scope="module")
def signs(system: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """An issuer of this machine, at which visitors of these paths must log in."""
    folder = tmp_path_factory.mktemp("issuer")
    before = system.file.read_text()
    with issuer(folder, GATEWAY) as found:
        (system.folder / "issuer.pem").write_bytes(found.ca.read_bytes())
        document = yaml.safe_load(before)
        login = {"issuer": found.url, "client": GATEWAY.id, "secret": "sso", "paths": PATHS}
        document["environments"]["test"] |= {"login": {**login, "ca": "./issuer.pem"}, "names": [OTHER]}
        system.file.write_text(yaml.safe_dump(document, sort_keys=False))
        system.seaway("up", env=GIVEN)
        yield found
    system.file.write_text(before)
    system.seaway("up")
    system.cluster.kube.delete(Ref("v1", "Secret", "login", SYSTEM))
    system.cluster.clusters.admit(NAME, (MONOLITH,), silent)


@dataclass
class Browser:
    """Somebody who follows redirects by hand and keeps cookies."""

    system: Tiny
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, target: str) -> tuple[int, str, str]:
        """Ask the gateway; gives status, where it sends one, and who answered."""
        path = target.removeprefix(EDGE)
        held = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        with closing(self.system.connect()) as visit:
            visit.request("GET", path, headers=held if self.cookies else {})
            answer = visit.getresponse()
            answer.read()
        for each in answer.headers.get_all("set-cookie") or []:
            self.cookies |= {name: found.value for name, found in SimpleCookie(each).items()}
        told = answer.headers
        return answer.status, told.get("location", ""), told.get("x-served-by", "")

    def log_in(self, signs: Issuer, target: str, name: str = "ada") -> tuple[int, str, str]:
        """Ask, log in where one is sent, and come back."""
        status, location, _ = self.get(target)
        assert (status, location.partition("?")[0]) == (302, f"{signs.url}/authorize")
        status, back, _ = self.get(sign(signs, location, name))
        assert (status, back) == (302, f"{EDGE}{target}")
        return self.get(target)


def sign(signs: Issuer, location: str, name: str) -> str:
    """Give a name to the issuer; gives where it sends one back to."""
    url = urlsplit(location)
    context = ssl.create_default_context(cafile=str(signs.ca))
    with closing(HTTPSConnection("localhost", url.port, context=context, timeout=10)) as visit:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        visit.request("POST", f"{url.path}?{url.query}", urlencode({"name": name}), form)
        answer = visit.getresponse()
        answer.read()
    assert answer.status == 302
    return answer.headers["location"]


def test_without_a_session_one_is_sent_to_the_issuer_and_other_paths_are_open(
    system: Tiny, signs: Issuer
) -> None:
    assert system.plan() == []
    for path in ("/private", "/private/deep", "/second", "/second/deep"):
        status, location, side = Browser(system).get(path)
        assert (status, side) == (302, ""), path
        asked = parse_qs(urlsplit(location).query)
        assert location.startswith(f"{signs.url}/authorize?")
        assert (asked["client_id"], asked["redirect_uri"]) == ([GATEWAY.id], [GATEWAY.redirect])
    for path in ("/", "/first", "/privately", "/x/private"):
        assert Browser(system).get(path)[0] == 200, path
    assert Browser(system).get("/health")[0] == 403


@pytest.mark.parametrize("path", ODD)
def test_however_it_is_written_a_path_is_not_open(system: Tiny, signs: Issuer, path: str) -> None:
    status, location, side = Browser(system).get(path)
    assert (status // 100, side) == (3, ""), location
    assert location.startswith((f"{signs.url}/authorize", "/private"))


def test_who_logs_in_comes_back_and_is_served_on_both_sides(system: Tiny, signs: Issuer) -> None:
    ada = Browser(system)
    assert ada.log_in(signs, "/private/page?x=1") == (200, "", "monolith")
    assert ada.get("/second") == (200, "", "monolith")
    system.seaway("cross", "move", "first", "100")
    system.seaway("cross", "move", "second", "100")
    until(lambda: ada.get("/second") == (200, "", "app"), "the new side, which she need not log in for again")
    assert Browser(system).get("/second")[0] == 302
    system.seaway("cross", "back", "--all")


def test_who_comes_by_another_name_comes_back_to_that_one(system: Tiny, signs: Issuer) -> None:
    with closing(system.connect(OTHER)) as visit:
        asked = visit.ask("/private")
    assert (asked.status, asked.headers["location"].partition("?")[0]) == (302, f"{signs.url}/authorize")
    query = parse_qs(urlsplit(asked.headers["location"]).query)
    assert query["redirect_uri"] == [f"https://{OTHER}:{HTTPS}/.login/callback"]


def test_a_session_that_is_none_is_not_taken(system: Tiny, signs: Issuer) -> None:
    ada, eve = Browser(system), Browser(system)
    ada.log_in(signs, "/private")
    eve.cookies = {name: f"{value[:-2]}xx" for name, value in ada.cookies.items()}
    assert eve.get("/private")[0] == 302
    _, location, _ = Browser(system).get("/private")
    state = parse_qs(urlsplit(location).query)["state"][0]
    forged = urlencode({"code": "made-up", "state": state})
    assert Browser(system).get(f"/.login/callback?{forged}")[0] in {400, 401}


def test_the_end_of_the_session_is_one(system: Tiny, signs: Issuer) -> None:
    ada = Browser(system)
    ada.log_in(signs, "/private")
    assert ada.get("/.login/out")[0] == 302
    assert ada.get("/private")[0] == 302


def test_a_login_that_leaves_the_file_costs_no_request(system: Tiny, signs: Issuer) -> None:
    """The last of these tests: from then on everybody comes in, as before it."""
    assert Browser(system).get("/private")[1].startswith(signs.url)
    document = yaml.safe_load(system.file.read_text())
    del document["environments"]["test"]["login"]
    system.file.write_text(yaml.safe_dump(document, sort_keys=False))
    with system.load("/private", may_fail=True) as load:
        system.seaway("up")
        until(lambda: Browser(system).get("/private")[0] == 200, "the monolith without a login")
    assert {answer["code"] for answer in load.answers} == {200, 302}
