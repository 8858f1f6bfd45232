"""What goes wrong with a Sigstore, in Seaway's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final

from seaway.errors import MissingTool, Refused, Unreachable

#: What says that nobody answered, by the names of classes: of the library, of requests, urllib3 and tuf.
_SILENT: Final = frozenset(
    {"ConnectionError", "ConnectTimeout", "ReadTimeout", "NetworkError", "DownloadError", "MaxRetryError"}
)
#: As long may a reason be: some libraries tell the whole document.
_SHOWN: Final = 300


def require() -> None:
    """Raise MissingTool where the extra is not installed."""
    if find_spec("sigstore") is None:
        raise MissingTool(
            "this Python lacks sigstore", why="signing and verifying without a key needs it",
            remedy="install Seaway with its extra, such as: uv tool install 'seaway[keyless]'",
        )  # fmt: skip


@contextmanager
def explained(what: str, remedy: str) -> Iterator[None]:
    """Say `what` cannot be done. Raises Unreachable where nobody answered, else Refused."""
    try:
        yield
    except Exception as error:  # the library's own share no root, and half of them are private
        silent = any(type(each).__name__ in _SILENT for each in _causes(error))
        kind = Unreachable if silent else Refused
        raise kind(what, why=reason(error), remedy=remedy) from error


def reason(error: BaseException) -> str:
    """Give the first words that an error or its causes have."""
    return next((text[:_SHOWN] for each in _causes(error) if (text := str(each))), type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
