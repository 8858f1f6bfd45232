from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import SpecError, UsageError
from seaway.flow.load import load, read
from seaway.flow.system import System

LONG = b"""
system: shop
environments:
  rehearsal: {on: local, domain: shop.localhost, nodes: {min: 3, max: 3}}
monolith: {address: "http://legacy:9000"}
services:
  web:
    source: .
    run: gunicorn -b 0.0.0.0:8000 web.wsgi
    scale: {min: 3, max: 3}
    secrets: [session-key]
    database: orders
    resources: {cpu: "1500m", memory: "1536Mi"}
    env: {PORT: "8000", RATE: "1.10", DEBUG: "true"}
databases:
  orders: {engine: postgres, storage: 1Gi}
crossings:
  login: {routes: [/login], to: web, after: []}
  rest: {routes: [/], to: web, after: [login]}
"""

SHORT = b"""
system: shop
environments:
  rehearsal: {nodes: 3}
monolith: http://legacy:9000
services:
  web:
    source: .
    run: gunicorn -b 0.0.0.0:8000 web.wsgi
    scale: 3
    secrets: session-key
    database: orders
    resources: {cpu: 1.5, memory: 1.5Gi}
    env: {PORT: 8000, RATE: 1.10, DEBUG: true}
databases: [orders]
crossings:
  login: {routes: /login, to: web}
  rest: {routes: /, to: web, after: login}
"""


def system(text: bytes, folder: Path = Path()) -> System:
    return read(text, "seaway.yaml", folder)


def test_short_forms_mean_the_same_as_long_ones() -> None:
    assert system(SHORT) == system(LONG)


def test_a_system_needs_no_more_than_a_name() -> None:
    shop = system(b"system: shop")
    name, environment = shop.environment()
    assert (name, environment.on, environment.domain) == ("rehearsal", "local", "shop.localhost")


def test_on_is_a_word_and_not_a_truth() -> None:
    assert system(b"system: shop\nenvironments: {a: {on: local}}").environments["a"].on == "local"


def test_a_local_environment_needs_images_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seaway.flow.contradictions.architecture", lambda: "amd64")
    assert system(b"system: shop\nimages: {platforms: [arm64, amd64]}").images.platforms == ("arm64", "amd64")
    with pytest.raises(SpecError) as caught:
        system(b"system: shop\nimages: {platforms: arm64}\nenvironments: {here: {on: local}}")
    (problem,) = caught.value.problems
    assert (problem.path, problem.remedy) == ("images.platforms", "add amd64")
    assert problem.why == "here runs on this machine, which is amd64: its nodes cannot run such images"


def test_a_file_is_found_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    file = tmp_path / "seaway.yaml"
    file.write_text("system: shop\nservices: {web: {source: ./web, run: serve}}\n")
    assert load(file).folder == tmp_path


def test_a_missing_file_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        load(tmp_path / "seaway.yaml")
    assert "seaway init" in raised.value.remedy


def test_an_unknown_environment_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError) as raised:
        system(b"system: shop\nenvironments: {rehearsal: local}").environment("rehersal")
    assert raised.value.remedy == "did you mean rehearsal?"


def test_an_environment_may_reach_the_monolith_elsewhere() -> None:
    shop = system(
        b'system: shop\nmonolith: "http://a:1"\nenvironments: {x: {monolith: "http://b:2"}, y: local}'
    )
    assert shop.monolith_address(shop.environments["x"]) == "http://b:2"
    assert shop.monolith_address(shop.environments["y"]) == "http://a:1"


def test_a_replica_count_follows_its_minimum() -> None:
    shop = system(b"system: shop\nservices: {web: {source: ., run: serve, scale: {min: 5}}}")
    assert (shop.services["web"].scale.min, shop.services["web"].scale.max) == (5, 5)


def test_a_part_that_is_left_empty_has_every_default() -> None:
    assert system(b"system: shop\nedge:\nimages:\nservices:\n") == system(b"system: shop")


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"system: a\x00b", b"[" * 3000, b"a: " * 2000, b"&a [*a]"])
def test_hostile_bytes_are_problems_with_a_line(text: bytes) -> None:
    with pytest.raises(SpecError):
        system(text)


@pytest.mark.parametrize("text", [b"system: a\n'[key]': 1", b"system: a\nservices: {web: {'[key]': 1}}"])
def test_a_key_may_look_like_the_mark_of_a_wrong_key(text: bytes) -> None:
    """Pydantic ends the place of a wrong key with this word."""
    with pytest.raises(SpecError) as caught:
        system(text)
    assert "unknown key '[key]'" in [problem.why for problem in caught.value.problems]


def test_a_huge_file_is_refused() -> None:
    with pytest.raises(SpecError, match="1 problem"):
        system(b"#" * (2 << 20))


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["local", "eks", "web", "/a", "http://a:1", "60%", "2m", "128Mi", "shop", "postgres"]),
)  # fmt: skip
KEYS = st.one_of(
    st.text(max_size=6),
    st.sampled_from([
        *System.model_fields, "web", "on", "domain", "nodes", "min", "max", "source", "run", "port", "scale",
        "env", "secrets", "database", "calls", "routes", "to", "after", "steps", "address", "health", "[key]",
    ]),
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=25,
)


@settings(max_examples=150)
@given(st.dictionaries(KEYS, TREES, max_size=6))
def test_no_shape_of_data_breaks_the_loader(data: dict[str, object]) -> None:
    import yaml  # noqa: PLC0415

    with contextlib.suppress(SpecError):
        system(yaml.safe_dump({"system": "shop", **data}, allow_unicode=True).encode())


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=200), st.text(alphabet="a:-[]{}&*!|>'\"#% \n\t?,~0x", max_size=60).map(str.encode)
    )
)
def test_no_bytes_break_the_loader(content: bytes) -> None:
    with contextlib.suppress(SpecError):
        system(content)
