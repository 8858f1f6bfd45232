"""A real index that asks for a password: the image is made, and the password is nowhere in what was made."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import SeawayError
from seaway.kit import process
from seaway.model.event import silent
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.images.make import make
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.spec import ImagesSpec
from seaway.rooms.images.store import Store
from tests.rooms.images.registries import holders, push, shelf

pytestmark = pytest.mark.cluster

PASSWORD = "s3cret-of-the-index"
WHEEL = "tiny-1.0-py3-none-any.whl"
#: What Poetry 2 and pip lock (PEP 751) write for it.
LOCKS = {
    "poetry.lock": """[[package]]
name = "tiny"
version = "1.0"
optional = false
python-versions = ">=3.11"
groups = ["main"]
files = [{{file = "tiny-1.0-py3-none-any.whl", hash = "sha256:{sum}"}}]

[metadata]
lock-version = "2.1"
python-versions = ">=3.11"
content-hash = "a"
""",
    "pylock.toml": """lock-version = "1.0"
created-by = "pip"

[[packages]]
name = "tiny"
version = "1.0"
wheels = [{{name = "tiny-1.0-py3-none-any.whl", url = "{url}", hashes = {{sha256 = "{sum}"}}}}]
""",
}


def wheel() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("tiny.py", "x = 1\n")
        file.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        file.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr("tiny-1.0.dist-info/RECORD", "")
    return made.getvalue()


class Index(BaseHTTPRequestHandler):
    """Lists and gives one wheel, to who knows the password."""

    wheel = wheel()

    def do_GET(self) -> None:
        known = base64.b64encode(f"team:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {known}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.end_headers()
            return
        sum_ = hashlib.sha256(self.wheel).hexdigest()
        page = f'<a href="/files/{WHEEL}#sha256={sum_}">{WHEEL}</a>'.encode()
        body, kind = (self.wheel, "application/zip") if "/files/" in self.path else (page, "text/html")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  (the name that http.server looks for)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def recipe(server: Any, tmp_path: Path) -> Recipe:
    """A service that needs the wheel, on a base of which nothing is run."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("usr/local/bin/python3.11"))
    push(shelf(server.host, "team/python"), layer.getvalue(), tag="v1")
    folder = tmp_path / "users"
    folder.mkdir()
    sum_ = hashlib.sha256(Index.wheel).hexdigest()
    (folder / "requirements.txt").write_text(f"tiny==1.0 --hash=sha256:{sum_}\n")
    images = ImagesSpec(base=f"{server.host}/team/python:v1")
    return Recipe("thoughts", "users", folder, folder, "python3 -m tiny", 8000, images)


@pytest.fixture
def log_in(index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Be somebody with a password, in either way that uv takes."""

    def act(how: str, password: str) -> None:
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        known = f"team:{password}@" if how == "address" else ""
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{known}{index}/simple")
        if how == "netrc":
            netrc = tmp_path / "netrc"
            netrc.write_text(f"machine 127.0.0.1 login team password {password}\n")
            monkeypatch.setenv("NETRC", str(netrc))

    return act


@pytest.mark.parametrize("how", ["address", "netrc"])
def test_the_password_of_an_index_stays_out(
    recipe: Recipe,
    log_in: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    store, registry, told = (
        Store(tmp_path / "store"),
        LocalRegistry(recipe.images.base.partition("/")[0]),
        list[str](),
    )
    log_in(how, PASSWORD)
    run = process.run

    def watched(*argv: Any, **options: Any) -> str:
        told.append(" ".join(map(str, argv)))
        return run(*argv, **options)

    monkeypatch.setattr(process, "run", watched)
    image = make(recipe, registry, store, lambda event: told.append(str(event)), "images/users/build")
    assert registry.resolve(recipe.ref(registry.place)) == image.digest
    names = [member for path in (store.folder / "blobs").iterdir() for member in members(path)]
    assert "app/site/tiny.py" in names
    assert any(" install " in line for line in told)
    assert not [line for line in told if PASSWORD in line]
    assert holders(PASSWORD, store.folder, tmp_path / "registry") == []


@pytest.mark.parametrize("name", ["poetry.lock", "pylock.toml"])
def test_other_locks_bring_the_same_wheel(
    recipe: Recipe, index: str, log_in: Callable[[str, str], None], tmp_path: Path, name: str
) -> None:
    (recipe.folder / "requirements.txt").unlink()
    sum_ = hashlib.sha256(Index.wheel).hexdigest()
    (recipe.folder / name).write_text(LOCKS[name].format(sum=sum_, url=f"http://{index}/files/{WHEEL}"))
    log_in("netrc", PASSWORD)
    store = build(recipe, tmp_path)
    names = [member for path in (store.folder / "blobs").iterdir() for member in members(path)]
    assert "app/site/tiny.py" in names


@pytest.mark.parametrize("name", ["poetry.lock", "pylock.toml"])
def test_a_wheel_that_is_not_the_locked_one_is_refused(
    recipe: Recipe, index: str, log_in: Callable[[str, str], None], tmp_path: Path, name: str
) -> None:
    (recipe.folder / "requirements.txt").unlink()
    (recipe.folder / name).write_text(LOCKS[name].format(sum="0" * 64, url=f"http://{index}/files/{WHEEL}"))
    log_in("netrc", PASSWORD)
    with pytest.raises(SeawayError, match="hash"):
        build(recipe, tmp_path)


def build(recipe: Recipe, folder: Path) -> Store:
    """Make the image in the registry of its base; gives the store that was used."""
    store, registry = Store(folder / "store"), LocalRegistry(recipe.images.base.partition("/")[0])
    make(recipe, registry, store, silent, "images/users/build")
    return store


def members(path: Path) -> list[str]:
    try:
        with tarfile.open(path) as tar:
            return tar.getnames()
    except tarfile.ReadError:
        return []


@pytest.mark.parametrize("how", ["address", "netrc"])
def test_a_password_that_is_wrong_is_not_told(
    recipe: Recipe, log_in: Callable[[str, str], None], tmp_path: Path, how: str
) -> None:
    log_in(how, f"not-{PASSWORD}")
    with pytest.raises(SeawayError) as caught:
        build(recipe, tmp_path)
    error = caught.value
    assert "401" in error.why
    assert PASSWORD not in f"{error} {error.where} {error.why} {error.remedy}"
