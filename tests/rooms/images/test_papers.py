"""What is found in layers, also in hostile ones, and what is written of it."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import SeawayError
from seaway.kit import oci
from seaway.model.names import Digest
from seaway.rooms.images.contents import MOST, Piece, contents, look_into
from seaway.rooms.images.sbom import bill, pins
from seaway.rooms.images.store import Store

DIGEST = Digest("sha256:" + "a" * 64)
FLASK = b"Metadata-Version: 2.1\nName: Flask_Login\nVersion: 3.1.0\n\nName: not-this\n"
PACKAGES = b"""\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Version: 1
"""
RELEASE = b'PRETTY_NAME="Debian"\nID=debian\nVERSION_CODENAME=bookworm\n'


def layer(folder: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    path = folder / "layer"
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_packages_of_both_kinds_are_found(tmp_path: Path, mode: str) -> None:
    members = {
        "app/site/flask_login-3.1.0.dist-info/METADATA": FLASK,
        "./var/lib/dpkg/status": PACKAGES,
        "var/lib/dpkg/status.d/dash": b"Package: dash\nVersion: 0.5\nArchitecture: amd64\n",
        "etc/os-release": RELEASE,
        "app/src/METADATA": FLASK,
    }
    assert look_into(layer(tmp_path, members, mode)) == [
        Piece("deb", "dash", "0.5", "amd64"),
        Piece("deb", "libc6", "2.36-9", "amd64"),
        Piece("os", "debian", "bookworm"),
        Piece("pypi", "flask-login", "3.1.0"),
    ]


def test_a_layer_that_leads_out_of_itself_leads_nowhere(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = layer(
        inside, {"../../escaped": b"x", str(tmp_path / "absolute"): b"x", "../x.dist-info/METADATA": FLASK}
    )
    assert look_into(path) == [Piece("pypi", "flask-login", "3.1.0")]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inside", "layer"]


def test_links_and_endless_files_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("a.dist-info/METADATA")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        long = tarfile.TarInfo("b.dist-info/METADATA")
        long.size = 8 * MOST
        tar.addfile(long, io.BytesIO(b"Name: b\n" + b"x" * 8 * MOST))
    assert look_into(path) == []


def test_what_is_no_layer_is_told(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"no tar at all")
    with pytest.raises(SeawayError, match="a layer cannot be read"):
        look_into(tmp_path / "layer")


def test_a_layer_is_looked_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = layer(tmp_path, {"a.dist-info/METADATA": FLASK})
    known = oci.Layer(oci.digest(path.read_bytes()), "", path.stat().st_size)
    path.rename(store.blob(known.digest))
    first = contents(store, [known])
    store.blob(known.digest).unlink()
    assert contents(store, [known]) == first == [Piece("pypi", "flask-login", "3.1.0")]


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,6}([-_.][a-z0-9]{1,4})?", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True)


@settings(max_examples=60)
@given(st.lists(st.tuples(NAMES, VERSIONS, st.booleans()), max_size=8, unique_by=lambda each: each[0]))
def test_requirements_are_read_as_uv_writes_them(wanted: list[tuple[str, str, bool]]) -> None:
    lines = []
    for name, version, hashed in wanted:
        hashes = f" \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}" if hashed else ""
        lines.append(f"{name}[extra]=={version}{hashes}\n")
    found = pins("# a remark\n" + "".join(lines))
    told = {
        (name.replace("_", "-").replace(".", "-"), v): "hash" if h else "version" for name, v, h in wanted
    }
    assert found == told


def test_a_marker_does_not_hide_the_hashes() -> None:
    text = "anyio==4.16.0 ; sys_platform != 'emscripten' \\\n    --hash=sha256:ab\n"
    assert pins(text) == {("anyio", "4.16.0"): "hash"}


def test_the_same_contents_give_the_same_bill() -> None:
    pieces = [
        Piece("os", "debian", "bookworm"),
        Piece("deb", "libc6", "2.36-9", "amd64"),
        Piece("pypi", "flask", "3"),
    ]
    both = [bill("shop/web", DIGEST, each, {("flask", "3"): "hash"}) for each in (pieces, pieces[::-1])]
    assert both[0] == both[1]
    told = json.loads(both[0])
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert {each.get("purl") for each in told["components"]} == {
        None,
        "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=bookworm",
        "pkg:pypi/flask@3",
    }
    assert told["metadata"]["component"]["name"] == "shop/web"
