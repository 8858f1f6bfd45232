"""Which files of a folder go into an image, and what must pin its dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import NotFound, SeawayError
from seaway.rooms.images.project import Project


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def names(project: Project) -> list[str]:
    return sorted(p.relative_to(project.folder).as_posix() for p in project.files())


def test_code_and_templates_go_in(tmp_path: Path) -> None:
    put(tmp_path, "users/wsgi.py", "users/templates/a.html", "manage.py")
    assert names(Project(tmp_path, tmp_path)) == ["manage.py", "users/templates/a.html", "users/wsgi.py"]


@pytest.mark.parametrize(
    "name",
    [".git/config", ".venv/bin/python", "a/__pycache__/b.pyc", "tests/test_a.py", ".env", ".env.local",
     "node_modules/x/y.js", "a.egg-info/PKG-INFO", "deep/venv/x", ".gitignore"],
)  # fmt: skip
def test_what_is_no_code_stays_out(tmp_path: Path, name: str) -> None:
    put(tmp_path, "app.py", name)
    assert names(Project(tmp_path, tmp_path)) == ["app.py"]


def test_a_package_called_tests_deeper_down_is_code(tmp_path: Path) -> None:
    put(tmp_path, "app/tests/__init__.py")
    assert names(Project(tmp_path, tmp_path)) == ["app/tests/__init__.py"]


def test_gitignore_is_honoured(tmp_path: Path) -> None:
    put(tmp_path, "app.py", "media/a.png", "media/keep.png", "a.log")
    (tmp_path / ".gitignore").write_text("*.log\nmedia/*\n!media/keep.png\n")
    assert names(Project(tmp_path, tmp_path)) == ["app.py", "media/keep.png"]


def test_gitignore_further_up_is_honoured(tmp_path: Path) -> None:
    folder = put(tmp_path / "services/users", "app.py", "a.log", "made/x", "other/x")
    (tmp_path / ".gitignore").write_text("*.log\n/services/users/made/\n/other/\n")
    assert names(Project(folder, tmp_path)) == ["app.py", "other/x"]


def test_seawayignore_takes_its_place(tmp_path: Path) -> None:
    put(tmp_path, "app.py", "static/made.css", "notes.md")
    (tmp_path / ".gitignore").write_text("static/\n")
    (tmp_path / ".seawayignore").write_text("*.md\n")
    assert names(Project(tmp_path, tmp_path)) == ["app.py", "static/made.css"]


def test_links_are_kept_as_links(tmp_path: Path) -> None:
    put(tmp_path, "a/x.py")
    (tmp_path / "b").symlink_to("a")
    assert names(Project(tmp_path, tmp_path)) == ["a/x.py", "b"]


def test_uv_lock_is_found_here_or_further_up_but_not_above_the_top(tmp_path: Path) -> None:
    folder = put(tmp_path / "top/users", "app.py")
    put(tmp_path, "uv.lock")
    assert Project(folder, tmp_path / "top").requirements is None
    put(tmp_path / "top", "uv.lock")
    assert Project(folder, tmp_path / "top").requirements == tmp_path / "top/uv.lock"
    put(folder, "uv.lock", "requirements.txt")
    assert Project(folder, tmp_path / "top").requirements == folder / "uv.lock"


def test_requirements_without_hashes_are_told(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("flask==3.1.0\n")
    assert Project(tmp_path, tmp_path).unpinned
    file.write_text("flask==3.1.0 --hash=sha256:" + "0" * 64)
    assert not Project(tmp_path, tmp_path).unpinned


def test_a_missing_lock_names_the_command_that_makes_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\ndependencies = ["flask"]\n')
    with pytest.raises(SeawayError, match="not locked") as caught:
        _ = Project(tmp_path, tmp_path).requirements
    assert caught.value.remedy == f"uv lock --project {tmp_path}"


def test_a_project_that_needs_nothing_needs_no_lock(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\ndependencies = []\n')
    assert Project(tmp_path, tmp_path).requirements is None


def test_the_first_of_several_pins_counts(tmp_path: Path) -> None:
    for name in ("poetry.lock", "pylock.toml", "requirements.txt"):
        put(tmp_path, name)
        assert Project(tmp_path, tmp_path).requirements == tmp_path / name


def test_dependencies_of_poetry_want_a_lock_too(tmp_path: Path) -> None:
    text = '[tool.poetry.dependencies]\npython = "^3.11"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert Project(tmp_path, tmp_path).requirements is None
    (tmp_path / "pyproject.toml").write_text(text + 'flask = "^3"\n')
    with pytest.raises(SeawayError, match="not locked") as caught:
        _ = Project(tmp_path, tmp_path).requirements
    assert "poetry lock" in caught.value.remedy


@pytest.mark.parametrize("name", ["pdm.lock", "Pipfile.lock"])
def test_a_lock_of_another_tool_names_the_way_out(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    with pytest.raises(SeawayError, match=name) as caught:
        _ = Project(tmp_path, tmp_path).requirements
    assert "requirements.txt" in caught.value.remedy


def test_a_broken_pyproject_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(SeawayError, match=r"pyproject\.toml cannot be read"):
        _ = Project(tmp_path, tmp_path).requirements


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        Project.open(tmp_path / "nowhere", tmp_path)


def test_modules_below_src_are_found(tmp_path: Path) -> None:
    put(tmp_path, "src/users/app.py")
    assert Project(tmp_path, tmp_path).python_path == ("src", ".")
    put(tmp_path, "src/__init__.py")
    assert Project(tmp_path, tmp_path).python_path == (".",)
