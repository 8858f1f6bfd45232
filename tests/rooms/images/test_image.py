"""What is written about an image, its byte code, and the steps that follow from what the registry has."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from seaway.errors import ProcessFailed
from seaway.kit import oci
from seaway.model.names import Digest, ImageRef
from seaway.model.plan import Verb
from seaway.rooms.images import bytecode, dependencies
from seaway.rooms.images.base import Base
from seaway.rooms.images.build import settings
from seaway.rooms.images.bytecode import Interpreter, compile_tree
from seaway.rooms.images.facts import ImageFacts, image_facts
from seaway.rooms.images.pilot import pilot_recipe
from seaway.rooms.images.plan import plan
from seaway.rooms.images.platform import Envoy, Gateway, Postgres, platform_ref
from seaway.rooms.images.project import Project
from seaway.rooms.images.recipe import Recipe

BASE = Base("k", "amd64", tuple, "3.11", "x86_64-manylinux_2_36", "/usr/bin/python3", "usr/lib/site", None)
LAYER = oci.Layer("sha256:" + "a" * 64, "sha256:" + "b" * 64, 12, comment="it")
HOST = "127.0.0.1:5055"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "requirements.txt").write_text("flask==3.1.0\n")
    return Recipe("thoughts", "users", tmp_path, tmp_path, "gunicorn users.wsgi", 8000)


def test_a_container_runs_without_rights_and_finds_its_modules(recipe: Recipe) -> None:
    config = json.loads(oci.config([LAYER], settings(recipe, BASE), "amd64"))
    run = config["config"]
    assert run["User"] == "10001:10001"
    assert run["Cmd"] == ["gunicorn", "users.wsgi"]
    assert run["WorkingDir"] == "/app/src"
    assert run["ExposedPorts"] == {"8000/tcp": {}}
    assert "PYTHONPATH=/app/src:/app/site" in run["Env"]
    assert config["rootfs"]["diff_ids"] == [LAYER.diff_id]
    assert config["created"] == "1970-01-01T00:00:00Z"


def test_the_same_image_is_written_in_the_same_bytes(recipe: Recipe) -> None:
    both = [oci.config([LAYER], settings(recipe, BASE), "amd64") for _ in range(2)]
    assert both[0] == both[1]
    manifest = json.loads(oci.manifest(both[0], [LAYER]))
    assert manifest["config"]["digest"] == oci.digest(both[0])
    assert manifest["layers"] == [{"mediaType": oci.LAYER_GZIP, "digest": LAYER.digest, "size": 12}]


def test_the_manifest_for_this_machine_is_chosen() -> None:
    entries = [{"digest": d, "platform": {"os": "linux", "architecture": d}} for d in ("arm64", "amd64")]
    assert oci.for_platform({"manifests": entries}, "amd64") == "amd64"
    assert oci.for_platform({"manifests": entries}, "s390x") is None


@pytest.mark.parametrize("share", [100, 1])
def test_byte_code_repeats_and_names_the_image_not_this_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int
) -> None:
    monkeypatch.setattr(bytecode, "_SHARE", share)
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("def f():\n    return {'x', 'y', 'z'}\n")
        (tmp_path / name / "broken.py").write_text("print 'two'\n")
        compile_tree(Interpreter((sys.executable,)), tmp_path / name, "/app/src")
        (file,) = (tmp_path / name).rglob("*.pyc")
        made.append(file.read_bytes())
    assert made[0] == made[1]
    assert b"/app/src/a.py" in made[0]
    assert str(tmp_path).encode() not in made[0]


def test_missing_images_become_steps_and_present_ones_outputs(recipe: Recipe) -> None:
    ref, envoy = recipe.ref(HOST), platform_ref(Envoy(), HOST)
    digest = Digest("sha256:" + "c" * 64)
    steps, known = plan(
        {envoy: Envoy(), ref: recipe}, ImageFacts({envoy: digest, ref: None}), ("cluster/create",)
    )
    assert known == {"images/envoy": f"{HOST}/seaway/envoy@{digest}"}
    (step,) = steps
    assert step.id == "images/users/build"
    assert step.after == ("cluster/create",)
    assert step.describe().details == (
        str(ref),
        "dependencies from requirements.txt",
        "requirements.txt has no hashes: another day may bring other files",
    )


def test_where_images_come_by_promotion_none_is_built(recipe: Recipe) -> None:
    ref, pilot = recipe.ref(HOST), pilot_recipe()
    steps, _ = plan({ref: recipe, pilot.ref(HOST): pilot, platform_ref(Envoy(), HOST): Envoy()}, ImageFacts(),
                    (), "production")  # fmt: skip
    assert [step.id for step in steps] == ["images/users/build", "images/pilot/build", "images/envoy/build"]
    first = steps[0].describe()
    assert (first.verb, first.details[1]) == (
        Verb.WAIT,
        "it comes by promotion: seaway image promote users --to production",
    )
    assert [step.describe().verb for step in steps[1:]] == [Verb.BUILD, Verb.BUILD]


def test_without_a_registry_everything_must_be_built(recipe: Recipe) -> None:
    wanted = {recipe.ref(HOST): recipe}
    steps, known = plan(wanted, image_facts(None, wanted))
    assert (len(steps), known) == (1, {})


def test_platform_images_follow_their_pins_and_the_engine(tmp_path: Path) -> None:
    one, two = (
        Gateway(tmp_path / "envoy-gateway", "engine-1"),
        Gateway(tmp_path / "envoy-gateway", "engine-2"),
    )
    refs = {platform_ref(each, HOST) for each in (one, two, Envoy(), Postgres())}
    assert sorted(ref.repository for ref in refs) == [
        "seaway/envoy", "seaway/envoy-gateway", "seaway/envoy-gateway", "seaway/postgres",
    ]  # fmt: skip
    assert all(isinstance(ref, ImageRef) and ref.tag.startswith("src-") for ref in refs)


@pytest.mark.parametrize(
    "told",
    [
        "cause: Because docopt==0.6.2 has no usable wheels and you require docopt==0.6.2",
        "hint: Wheels are required for `docopt` because building from source is disabled",
        "Because docopt==0.6.2 has no wheels with a matching Python ABI tag",
    ],
)
def test_a_package_without_a_wheel_is_named(tmp_path: Path, told: str) -> None:
    wanted = dependencies.Requirements("docopt==0.6.2", tmp_path / "requirements.txt", exact=False)
    error = dependencies._explained(ProcessFailed("uv failed", why=told), wanted, BASE)
    assert error.what == "docopt has no wheel for Python 3.11 on x86_64-manylinux_2_36"
    assert "docopt" in error.remedy


def test_included_requirements_count(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("flask==3.1.0\n-r more.txt\n")
    (tmp_path / "more.txt").write_text("click==8.1.8\n-r base.txt\n")
    (tmp_path / "requirements.txt").write_text("-r base.txt\n")
    assert "click==8.1.8" in dependencies.pinned_text(Project(tmp_path, tmp_path))
