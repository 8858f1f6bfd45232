"""Django's settings; all that differs between places comes from the environment."""

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from .environment import optional, required
from .rules import LONGEST_BODY


def database(url: str) -> dict[str, object]:
    """Django's form of postgresql://user:password@host:5432/name."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise SystemExit("DATABASE_URL must look like postgresql://user:password@host:5432/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {"connect_timeout": "3", **dict(parse_qsl(parts.query))},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": database(required("DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SESSION_KEY = required("SESSION_KEY")
EXPORT_TOKEN = optional("EXPORT_TOKEN")  # without one, /export is not served
SECRET_KEY = SESSION_KEY
ALLOWED_HOSTS = optional("ALLOWED_HOSTS", "*").split(",")

INSTALLED_APPS = ["django.contrib.postgres", "mythoughts"]
MIDDLEWARE = [
    "mythoughts.middleware.served_by",
    "django.middleware.common.CommonMiddleware",
    "mythoughts.middleware.who",
]
ROOT_URLCONF = "mythoughts.urls"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {"environment": "mythoughts.pages.environment"},
    }
]
DATA_UPLOAD_MAX_MEMORY_SIZE = LONGEST_BODY

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
