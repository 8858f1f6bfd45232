"""The load: a constant rate of requests over HTTPS (vegeta), every answer kept with its time and its side."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

OK: Final = range(200, 400)
#: Requests under way at most. A machine that cannot carry the rate is asked less often, as the figures tell:
#: requests that are given up for lateness would hide whether one was lost.
TOGETHER: Final = ("-workers=64", "-max-workers=64")


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (Unix seconds), how long it took (seconds), and who answered.

    `side` is the header x-served-by, `version` the header x-version, `code` 0 where no answer came.
    """

    at: float
    seconds: float
    path: str
    code: int
    side: str
    version: str
    error: str

    @property
    def failed(self) -> bool:
        return self.code not in OK


class Load:
    """Runs vegeta until `stop`; never longer than `limit` seconds."""

    def __init__(
        self,
        vegeta: Path,
        base: str,
        port: int,
        ca: Path,
        *,
        rate: int,
        limit: int,
        options: Sequence[str] = (),
    ) -> None:
        host = urlsplit(base).hostname
        self._answers: list[Answer] = []
        self._lock = threading.Lock()
        self.rate, self._base = rate, base
        self._argv = [
            *(
                str(vegeta),
                "attack",
                "-format=json",
                f"-rate={rate}/s",
                f"-duration={limit}s",
                "-timeout=10s",
                "-redirects=-1",
                "-max-body=0",
            ),
            *(
                f"-root-certs={ca}",
                "-http2=false",
                # Never more: where answers are late, a handshake for each request would make them later.
                "-connections=64",
                "-max-connections=64",
                f"-connect-to={host}:{port}:127.0.0.1:{port}",
                *options,
            ),
        ]
        self._vegeta = vegeta

    def start(self, paths: Sequence[str], headers: dict[str, list[str]], body: str = "") -> None:
        """Begin; the paths are asked for in turn, or the body is posted to them."""
        sent = {"method": "POST", "body": b64encode(body.encode()).decode()} if body else {"method": "GET"}
        targets = "".join(
            json.dumps({**sent, "url": f"{self._base}{path}", "header": headers}) + "\n" for path in paths
        )
        self._attack = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._decode = subprocess.Popen(
            [str(self._vegeta), "encode", "-to=json"],
            stdin=self._attack.stdout,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._attack.stdin is None or self._attack.stdout is None:
            raise RuntimeError("vegeta has no pipes")
        self._attack.stdout.close()
        self._attack.stdin.write(targets.encode())
        self._attack.stdin.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def stop(self) -> tuple[Answer, ...]:
        """End it, wait for what is under way, and return everything that came."""
        self._attack.send_signal(2)
        self._attack.wait(30)
        self._decode.wait(30)
        self._reader.join(30)
        return self.seen()

    def seen(self, since: float = 0.0, until: float = float("inf")) -> tuple[Answer, ...]:
        with self._lock:
            return tuple(a for a in self._answers if since <= a.at < until)

    def flowing(self, seconds: float = 30) -> None:
        """Wait for the first answers."""
        end = time.monotonic() + seconds
        while len(self.seen()) < self.rate and time.monotonic() < end:
            time.sleep(0.1)

    def _read(self) -> None:
        for line in self._decode.stdout or ():
            answer = _parse(json.loads(line))
            with self._lock:
                self._answers.append(answer)


def _parse(row: dict[str, Any]) -> Answer:
    headers = {key.lower(): values[0] for key, values in (row.get("headers") or {}).items() if values}
    return Answer(
        _seconds(row["timestamp"]),
        row["latency"] / 1e9,
        urlsplit(row["url"]).path,
        row["code"],
        headers.get("x-served-by", ""),
        headers.get("x-version", ""),
        row.get("error") or "",
    )


def _seconds(text: str) -> float:
    """Unix seconds of an RFC 3339 time; its nanoseconds are cut to the microseconds that Python reads."""
    whole = re.fullmatch(r"(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    if whole is None:
        raise ValueError(f"not a time: {text}")
    head, fraction, zone = whole.groups()
    return datetime.fromisoformat(
        f"{head}.{(fraction or '0')[:6].ljust(6, '0')}{zone.replace('Z', '+00:00')}"
    ).timestamp()
