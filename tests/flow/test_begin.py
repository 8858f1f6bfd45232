from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seaway.errors import NotFound, Refused
from seaway.flow.begin.draft import draft
from seaway.flow.begin.survey import survey
from seaway.flow.begin.write import write
from seaway.flow.load import load, read
from seaway.flow.system import System

EXAMPLE = Path(__file__).parents[2] / "examples" / "thoughts"

FLASK = "from flask import Flask\napp = Flask(__name__)\n@app.get('/healthz')\ndef ok(): return 'ok'\n"
FAST = "import os\nfrom fastapi import FastAPI\napp = FastAPI()\nURL = os.environ['DATABASE_URL']\n"


def tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def drafted(folder: Path) -> System:
    return read(draft(survey(folder)).encode(), "seaway.yaml", folder)


def test_the_example_is_drafted_much_as_it_was_written(tmp_path: Path) -> None:
    copy = tmp_path / "thoughts"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns(".venv", "seaway.yaml", "__pycache__"))
    ours, theirs = drafted(copy), load(EXAMPLE / "seaway.yaml")
    assert ours.system == theirs.system
    assert ours.monolith
    assert theirs.monolith
    assert ours.monolith.address == theirs.monolith.address
    assert ours.services.keys() == theirs.services.keys()
    for name, service in theirs.services.items():
        mine = ours.services[name]
        assert (mine.env, set(mine.secrets), mine.database) == (
            service.env,
            set(service.secrets),
            service.database,
        )
        assert (mine.port, mine.health, mine.ready) == (service.port, service.health, service.ready)
        assert mine.run.split()[-1] == service.run.split()[-1]
    routes = {route for crossing in ours.crossings.values() for route in crossing.routes}
    assert routes == {route for crossing in theirs.crossings.values() for route in crossing.routes}
    assert {crossing.to for crossing in ours.crossings.values()} == {"frontend"}


def test_a_flask_application_alone_becomes_one_service(tmp_path: Path) -> None:
    tree(tmp_path, **{"requirements.txt": "Flask==3.1\ngunicorn\n", "shop.py": FLASK})
    system = drafted(tmp_path)
    (service,) = system.services.values()
    assert service.run.endswith(" shop:app")
    assert (service.source, service.health) == (".", "/healthz")
    assert system.monolith is None


def test_an_asgi_application_is_served_by_uvicorn_and_gets_its_database(tmp_path: Path) -> None:
    tree(
        tmp_path,
        **{
            "api/pyproject.toml": '[project]\ndependencies = ["fastapi", "uvicorn"]',
            "api/src/api/main.py": FAST,
        },
    )
    system = drafted(tmp_path)
    assert system.services["api"].run == "uvicorn api.main:app --host 0.0.0.0 --port 8000"
    assert system.services["api"].database in system.databases


def test_django_beside_others_is_the_monolith(tmp_path: Path) -> None:
    tree(
        tmp_path,
        **{
            "site/manage.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pages.settings")',
            "site/requirements.txt": "django",
            "site/pages/urls.py": "urlpatterns = [path('orders/', x), path('admin/', y)]",
            "site/Procfile": "web: gunicorn -b 0.0.0.0:8080 pages.wsgi",
            "orders/requirements.txt": "flask",
            "orders/app.py": FLASK + "@app.get('/orders/<n>')\ndef o(n): return n\n",
        },
    )
    system = drafted(tmp_path)
    assert system.monolith
    assert system.monolith.address == "http://127.0.0.1:8080"
    assert system.crossings["orders"].routes == ("/orders",)
    assert system.crossings["orders"].to == "orders"


def test_a_procfile_says_how_it_is_served(tmp_path: Path) -> None:
    tree(
        tmp_path,
        **{
            "requirements.txt": "flask",
            "Procfile": "web: waitress-serve --port=$PORT shop:app",
            "shop.py": FLASK,
        },
    )
    (service,) = drafted(tmp_path).services.values()
    assert service.run == "waitress-serve --port=8000 shop:app"


def test_a_guess_is_called_a_guess(tmp_path: Path) -> None:
    tree(tmp_path, **{"requirements.txt": "flask", "shop.py": "x = 1"})
    found = survey(tmp_path)
    assert "is a guess" in found.notes[0]
    assert "no monolith was found" in found.notes[1]
    assert "# a guess" in draft(found)


def test_files_that_are_no_python_do_no_harm(tmp_path: Path) -> None:
    tree(
        tmp_path,
        **{
            "requirements.txt": "flask",
            "a.py": "def (",
            "b.py": "\x00",
            "pyproject.toml": "[[",
            "c.py": FLASK,
        },
    )
    assert drafted(tmp_path).services


def test_a_repository_without_web_applications_is_told_so(tmp_path: Path) -> None:
    tree(tmp_path, **{"pyproject.toml": "[project]\nname='x'", "x.py": "print(1)"})
    with pytest.raises(NotFound):
        survey(tmp_path)


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tree(tmp_path, **{"seaway.yaml": "mine"}) / "seaway.yaml"
    with pytest.raises(Refused):
        write("system: shop\n", file, dry_run=False)
    assert file.read_text() == "mine"
