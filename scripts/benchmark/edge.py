"""The edge in the open: slow clients, its cost beside a bare Envoy, its certificates, a name that moves."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.benchmark import certificates, names
from scripts.benchmark.clusters import kube_of
from scripts.benchmark.crossing import CLUSTER, DOMAIN, HTTPS, MONOLITH, SYSTEM, light, old_server
from scripts.benchmark.pilot import cpu_seconds, processes
from scripts.rehearsal.figures import quantile
from scripts.rehearsal.load import Answer, Load
from scripts.rehearsal.seaway import Seaway
from seaway.kit.kube import Ref
from seaway.model.event import silent
from seaway.providers.local import engine

#: `cost` is the CPU time of a request at the gateway over that at a bare Envoy: 1 / 0.9 of its requests/s.
PROMISES: Final = {
    "slow_clients_failed": 0.0,
    "slow_clients_p99_ratio": 2.0,
    "gateway_cost_ratio": 1 / 0.9,
    "gateway_p99_over_bare_s": 0.001,
    "name_moved_failed": 0.0,
    **certificates.PROMISES,
}
#: slowhttptest's modes: slow headers, slow bodies, overlapping ranges, slow reading.
MODES: Final = {"headers": "-H", "bodies": "-B", "ranges": "-R", "reading": "-X"}
CLIENTS: Final = 2000
#: New slow connections a second; with the honest requests fewer than one address may send.
OPENED: Final = 400
RATE: Final = 200
#: Requests a second when the gateway is held beside a bare Envoy, and seconds of each look.
BUSY: Final = 500
SECONDS: Final = 15
BARE: Final = 8644


def measure() -> Iterator[dict[str, Any]]:
    """Measure everything; the cluster and the old server are gone afterwards.

    Raises RuntimeError where slowhttptest (a Debian package) is not there.
    """
    if not shutil.which("slowhttptest"):
        raise RuntimeError("slowhttptest is missing: apt-get install slowhttptest")
    programs = engine.ensure(silent)
    with tempfile.TemporaryDirectory() as folder, old_server():
        seaway = Seaway(light(Path(folder), 1, {"replicas": 1}), {})
        try:
            seaway.tell("up", "--yes")
            bench = Bench(programs.program("vegeta"), Path(seaway.ask("status")["edge"]["ca"]), Path(folder))
            stages = (bench.beside_bare, bench.slow_clients, bench.renewals, bench.moving_name)
            for stage in (*stages, bench.bad_days):
                yield stage()
        finally:
            seaway.tell("down", "--yes")


class Bench:
    """The system, up, with one proxy; `folder` may be written to."""

    def __init__(self, vegeta: Path, ca: Path, folder: Path) -> None:
        self._vegeta, self._ca, self._folder = vegeta, ca, folder
        [self._proxy] = processes(CLUSTER, b"envoy\0")

    def beside_bare(self) -> dict[str, Any]:
        """Send the same load through the gateway and through Envoy with a static configuration."""
        gateway, cost = self._cost(self._proxy, HTTPS)
        with self._bare() as process:
            bare, least = self._cost(process.pid, BARE)
        return {
            "gateway_cpu_ms": cost * 1000,
            "bare_cpu_ms": least * 1000,
            "gateway_p99_s": _p99(gateway),
            "bare_p99_s": _p99(bare),
            "gateway_cost_ratio": cost / least,
            "gateway_p99_over_bare_s": _p99(gateway) - _p99(bare),
        }

    def slow_clients(self) -> dict[str, Any]:
        """Let honest visitors come alone, and then beside slow clients of each kind."""
        alone = self._answers(RATE)
        figures: dict[str, Any] = {"honest_p99_s": _p99(alone)}
        failed = sum(answer.failed for answer in alone)
        worst = 0.0
        for name, mode in MODES.items():
            with self._slow(mode):
                answers = self._answers(RATE)
            failed += sum(answer.failed for answer in answers)
            figures[f"slow_{name}_p99_s"] = _p99(answers)
            worst = max(worst, _p99(answers) / _p99(alone))
        return {**figures, "slow_clients_failed": failed, "slow_clients_p99_ratio": worst}

    def renewals(self) -> dict[str, Any]:
        """Renew the certificate under load; the local authority's is not put back."""
        return certificates.under_load(self._vegeta, self._ca, self._folder / "renewals")

    def bad_days(self) -> dict[str, Any]:
        """Have certificates signed and renewed by a server that refuses at random."""
        return certificates.on_bad_days(self._folder / "bad-days")

    def moving_name(self) -> dict[str, Any]:
        """Move a name there and back under load; the sides are two servers of their own."""
        with names.Knot(self._folder / "knot", {names.ZONE: ""}) as knot:
            return names.there_and_back(knot, self._folder, ttl=5, visitors=8)

    def _cost(self, pid: int, port: int) -> tuple[Sequence[Answer], float]:
        """Give the answers at a port, and the CPU seconds of the process for each of them."""
        before = cpu_seconds(pid)
        answers = self._answers(BUSY, port)
        return answers, (cpu_seconds(pid) - before) / len(answers)

    def _answers(self, rate: int, port: int = HTTPS) -> Sequence[Answer]:
        load = Load(self._vegeta, f"https://{DOMAIN}:{port}", port, self._ca, rate=rate, limit=SECONDS + 5)
        load.start(["/c0"], {})
        time.sleep(SECONDS)
        return load.stop()

    @contextmanager
    def _slow(self, mode: str) -> Iterator[None]:
        """Keep slow clients connected; they find the domain by a hosts file that only they see."""
        hosts, length = self._folder / "hosts", CLIENTS // OPENED + SECONDS + 10
        hosts.write_text(f"127.0.0.1 {DOMAIN}\n")
        words = ["slowhttptest", mode, f"-c{CLIENTS}", f"-r{OPENED}", f"-l{length}", "-i5", "-v0"]
        command = 'mount --bind "$0" /etc/hosts && exec "$@"'
        url = f"-uhttps://{DOMAIN}:{HTTPS}/c0"
        attack = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", command, str(hosts), *words, url], stdout=subprocess.DEVNULL
        )
        time.sleep(CLIENTS / OPENED + 1)
        try:
            yield
        finally:
            attack.terminate()
            attack.wait()

    @contextmanager
    def _bare(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the gateway's own program with the same certificate and the least configuration."""
        with closing(kube_of(CLUSTER)) as kube:
            secret = kube.get(Ref("v1", "Secret", "edge-tls", SYSTEM)) or {}
        for name, text in secret["data"].items():
            (self._folder / name).touch(0o600)
            (self._folder / name).write_bytes(b64decode(text))
        file = self._folder / "envoy.yaml"
        file.write_text(yaml.safe_dump({"static_resources": _static(self._folder)}))
        threads = str(os.cpu_count())
        argv = [f"/proc/{self._proxy}/exe", "-c", str(file), "--concurrency", threads, "-l", "error"]
        process = subprocess.Popen([*argv, "--base-id", "8644"])
        try:
            time.sleep(3)
            yield process
        finally:
            process.terminate()
            process.wait()


def _static(folder: Path) -> dict[str, Any]:
    """Compose a listener over TLS before the old server (Envoy: Bootstrap.StaticResources)."""
    kinds = "type.googleapis.com/envoy.extensions"
    pair = {"certificate_chain": {"filename": f"{folder}/tls.crt"},
            "private_key": {"filename": f"{folder}/tls.key"}}  # fmt: skip
    tls = {
        "@type": f"{kinds}.transport_sockets.tls.v3.DownstreamTlsContext",
        # HTTP/2 as at the gateway: its requests cost more.
        "common_tls_context": {"tls_certificates": [pair], "alpn_protocols": ["h2", "http/1.1"]},
    }
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "old"}}]
    router = {"@type": f"{kinds}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bare",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    chain = {
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
    }
    endpoint = {"endpoint": {"address": _address(MONOLITH)}}
    cluster = {
        "name": "old",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "old", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    listener = {"name": "bare", "address": _address(BARE), "filter_chains": [chain]}
    return {"listeners": [listener], "clusters": [cluster]}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _p99(answers: Sequence[Answer]) -> float:
    return quantile([answer.seconds for answer in answers], 0.99)
