"""`seaway image`, as a person or a script types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rooms.images.registries import push, shelf
from tests.rooms.images.sigstores import ISSUER, WORKFLOW, playing

from .conftest import Run

FILE = """\
system: shop
environments:
  rehearsal: {{on: local, domain: shop.localhost, registry: "{registry}"}}
services:
  web: {{source: ./web, run: python3 -m shop, port: 8000}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "seaway.yaml").write_text(FILE.format(registry="127.0.0.1:9"))
    (tmp_path / "web").mkdir()
    (tmp_path / "web/shop.py").write_text("print('hello')\n")
    return tmp_path


def test_an_unknown_service_is_usage(seaway: Run, shop: Path) -> None:  # noqa: ARG001
    done = seaway("image", "build", "wbe")
    assert done.returncode == 2
    assert "there is no service 'wbe'" in done.stderr
    assert "did you mean web?" in done.stderr


def test_a_registry_that_does_not_run_is_named(seaway: Run, shop: Path) -> None:  # noqa: ARG001
    done = seaway("image", "push")
    assert done.returncode == 1
    assert "127.0.0.1:9 does not answer" in done.stderr
    assert "to do: start the machine's registry: seaway up, or seaway cluster create" in done.stderr


@pytest.mark.parametrize("verb", ["build", "push"])
def test_nothing_is_built_where_images_come_by_promotion(seaway: Run, shop: Path, verb: str) -> None:
    with (shop / "seaway.yaml").open("a") as file:
        file.write("promotions:\n  production: {}\n")
    text = (shop / "seaway.yaml").read_text()
    production = '  production: {on: local, domain: production.localhost, registry: "127.0.0.1:9/production"}'
    (shop / "seaway.yaml").write_text(text.replace("services:", f"{production}\nservices:", 1))
    done = seaway("image", verb, "--on", "production")
    assert done.returncode == 1
    assert "nothing is built for production" in done.stderr
    assert "to do: seaway image promote --to production" in done.stderr


def test_a_missing_lock_names_the_command(seaway: Run, shop: Path) -> None:
    (shop / "web/pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["flask"]\n')
    done = seaway("image", "push")
    assert done.returncode == 1
    assert "dependencies are not locked" in done.stderr
    assert f"to do: uv lock --project {shop}/web" in done.stderr


@pytest.mark.cluster
def test_images_are_built_pushed_and_listed(seaway: Run, shop: Path, server: Any) -> None:
    (shop / "seaway.yaml").write_text(FILE.format(registry=server.host))
    assert f"no images of these services in {server.host}" in seaway("image", "list").stderr
    built = seaway("image", "build", "-o", "json")
    assert built.returncode == 0, built.stderr
    (made,) = json.loads(built.stdout)
    assert made["service"] == "web"
    assert made["image"] == f"{server.host}/shop/web@{made['digest']}"
    (pushed,) = json.loads(seaway("image", "push", "-o", "json").stdout)
    assert (pushed["digest"], pushed["built"]) == (made["digest"], False)
    (shop / "web/shop.py").write_text("print('hello again')\n")
    assert json.loads(seaway("image", "build", "web", "-o", "json").stdout)[0]["digest"] != made["digest"]
    listed = json.loads(seaway("image", "list", "-o", "json").stdout)
    assert sorted(image["current"] for image in listed) == [False, True]


@pytest.mark.cluster
def test_a_build_tells_what_is_in_each_layer(seaway: Run, shop: Path, server: Any) -> None:
    (shop / "seaway.yaml").write_text(FILE.format(registry=server.host))
    (made,) = json.loads(seaway("image", "build", "--explain", "-o", "json").stdout)
    assert [each["layer"] for each in made["layers"]] == ["base", "application"]
    assert made["layers"][1]["holds"] == ["1 file, 15 bytes", "shop.py 15"]
    told = seaway("image", "build", "web", "--explain").stdout
    assert f"web: {made['image']}\n" in told
    assert f"in /app/src: {made['layers'][1]['digest']}\n" in told
    assert "    holds 1 file, 15 bytes: shop.py 15\n" in told
    assert "    made again when any of these files changes\n" in told


@pytest.mark.cluster
def test_an_image_is_signed_and_verified_without_a_key(seaway: Run, tmp_path: Path, server: Any) -> None:
    image = f"{server.host}/team/app@{push(shelf(server.host), b'app')}"
    with playing(tmp_path) as sigstore:
        who, trust = ("--identity", WORKFLOW, "--issuer", ISSUER), ("--trust", str(sigstore.root))
        words = ("image", "sign", image, "--key", f"keyless:{sigstore.config}")
        signed = seaway(*words, SIGSTORE_ID_TOKEN=sigstore.token())
    assert f"--identity {WORKFLOW} --issuer {ISSUER} --trust {sigstore.config}" in signed.stderr
    (seen,) = json.loads(seaway("image", "verify", image, *who, *trust, "-o", "json").stdout)
    assert seen["signatures"] == [{"by": f"{WORKFLOW} of {ISSUER}", "form": "bundle"}]
    half = seaway("image", "verify", image, *who[:2], *trust)
    assert (half.returncode, "an identity and its issuer go together" in half.stderr) == (2, True)
    nobody = seaway("image", "verify", image)
    assert (nobody.returncode, "nobody is named who must have signed" in nobody.stderr) == (2, True)


@pytest.mark.cluster
def test_an_image_is_signed_verified_and_vouched_for(seaway: Run, tmp_path: Path, server: Any) -> None:
    made = json.loads(seaway("image", "key", "release", "-o", "json").stdout)
    assert made == {"private": "release.key", "public": "release.pub", "encrypted": False}
    image = f"{server.host}/team/app@{push(shelf(server.host), b'app')}"
    refused = seaway("image", "verify", image, "--key", "release.pub")
    assert refused.returncode == 1
    assert f"no signature by: {image}: release.pub" in refused.stderr
    (signed,) = json.loads(seaway("image", "sign", image, "--key", "release.key", "-o", "json").stdout)
    assert signed == {"name": image, "image": image, "signed": True}
    (seen,) = json.loads(seaway("image", "verify", image, "-k", "release.pub", "-o", "json").stdout)
    assert [each["form"] for each in seen["signatures"]] == ["bundle", "tag"]
    (tmp_path / "result.json").write_text('{"result": "PASSED"}')
    words = (
        "image",
        "attest",
        image,
        "--type",
        "tests",
        "--predicate",
        "result.json",
        "--key",
        "release.key",
    )
    (vouched,) = json.loads(seaway(*words, "-o", "json").stdout)
    assert vouched["type"] == "https://in-toto.io/attestation/test-result/v0.1"


def test_whole_names_and_types_are_checked(seaway: Run, tmp_path: Path) -> None:
    seaway("image", "key")
    assert (tmp_path / "seaway.pub").is_file()
    wrong = seaway("image", "verify", "team/app", "--key", "seaway.pub")
    assert (wrong.returncode, "is no whole name of an image" in wrong.stderr) == (2, True)
    wrong = seaway("image", "attest", "--type", "test", "--key", "seaway.key")
    assert (wrong.returncode, "did you mean tests?" in wrong.stderr) == (2, True)


def test_a_key_pair_is_never_written_over(seaway: Run, tmp_path: Path) -> None:
    seaway("image", "key")
    before = (tmp_path / "seaway.key").read_bytes()
    again = seaway("image", "key")
    assert (again.returncode, "seaway.key is there already" in again.stderr) == (1, True)
    assert (tmp_path / "seaway.key").read_bytes() == before


PROMOTED = """\
system: shop
environments:
  rehearsal: {{on: local, registry: "{one}"}}
  production: {{on: kubeconfig, context: prod, domain: shop.example.com, registry: "{two}/prod"}}
services:
  web: {{source: ./web, run: python3 -m shop, port: 8000}}
promotions:
  production: {{signed: release.pub}}
"""


@pytest.mark.cluster
def test_an_image_is_promoted_once_its_gates_hold(
    seaway: Run, shop: Path, server: Any, second_server: Any
) -> None:
    seaway("image", "key", "release")
    (shop / "seaway.yaml").write_text(PROMOTED.format(one=server.host, two=second_server.host))
    (made,) = json.loads(seaway("image", "build", "-o", "json").stdout)
    refused = seaway("image", "promote", "--to", "production", "--yes")
    assert refused.returncode == 1
    assert "why: web: failed: signed by release.pub (no signature of this key)" in refused.stderr
    assert seaway("image", "sign", "--key", "release.key").returncode == 0
    done = seaway("image", "promote", "web", "--to", "production", "--yes", "-o", "json")
    (promoted,) = json.loads(done.stdout)
    assert promoted["image"] == f"{second_server.host}/prod/shop/web@{made['digest']}"
    assert (promoted["gates"], promoted["new"]) == (["signed by release.pub"], True)
    assert seaway("image", "verify", promoted["image"], "--key", "release.pub").returncode == 0
    (again,) = json.loads(seaway("image", "promote", "--to", "production", "--yes", "-o", "json").stdout)
    assert (again["new"], again["bytes"]) == (False, 0)


def test_an_environment_without_promotions_builds_its_own(seaway: Run, shop: Path) -> None:  # noqa: ARG001
    refused = seaway("image", "promote", "--to", "rehearsal")
    assert refused.returncode == 2
    assert "images do not come to rehearsal by promotion" in refused.stderr


def test_a_time_to_keep_has_a_unit(seaway: Run, shop: Path) -> None:  # noqa: ARG001
    wrong = seaway("image", "prune", "--keep", "5")
    assert (wrong.returncode, "say the unit: 5s" in wrong.stderr) == (2, True)
