"""What contradicts in a file whose every value is right by itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from seaway.flow.login import contradictions_of_login
from seaway.flow.misnamed import Found, contradictions_of_name, places_of_names, unknown
from seaway.flow.mispromoted import contradictions_of_promotion
from seaway.flow.system import System
from seaway.flow.unsigned import contradictions_of_certificate
from seaway.kit.near import nearest
from seaway.kit.oci import architecture
from seaway.kit.yaml import Path
from seaway.model.fields import NAME_MAX
from seaway.rooms.cluster.control import region_of
from seaway.rooms.cluster.spec import LOCAL_SIZES, EnvironmentSpec
from seaway.rooms.crossing.spec import ROUTES
from seaway.rooms.services.spec import CONTRACT, next_name

PLACEHOLDER: Final = re.compile(r"\$\{([^}]*)\}")
PEER: Final = re.compile(r"https?://([a-z][-a-z0-9]*)(?=[:/?#]|$)")
BOUND: Final = re.compile(r"(?:(?P<host>[\w.*\[\]-]*):)?(?P<port>[0-9]{1,5})")
LOOPBACK: Final = {"127.0.0.1", "localhost", "[::1]"}
MONOLITH: Final = "monolith"
NEEDS: Final = {
    "local": (),
    "eks": ("account", "region", "domain"),
    "kubeconfig": ("context", "registry", "domain"),
}
ONLY: Final = {
    "account": "eks",
    "region": "eks",
    "open_to": "eks",
    "control": "eks",
    "access": "eks",
    "adopt": "eks",
    "context": "kubeconfig",
    "ports": "local",
}


@dataclass(frozen=True)
class Declared:
    """Names that the file gives, whether or not what they stand for is right."""

    services: frozenset[str]
    databases: frozenset[str]
    crossings: frozenset[str]
    monolith: bool

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Declared:
        def names(part: str) -> frozenset[str]:
            value = data.get(part)
            return frozenset(str(name) for name in value) if isinstance(value, (dict, list)) else frozenset()

        return cls(
            names("services"), names("databases"), names("crossings"), data.get("monolith") is not None
        )


def contradictions(system: System, rough: System, declared: Declared) -> Iterator[Found]:
    """Find everything in which one part of the file speaks against another.

    `system` holds only parts that are right by themselves; in `rough` wrong keys have their defaults, which
    is good enough to see who names whom.
    """
    for check in WITHIN:
        yield from check(system, declared)
    for check in BETWEEN:
        yield from check(rough, declared)


def _environments(system: System, declared: Declared) -> Iterator[Found]:
    for name, env in system.environments.items():
        here: Path = ("environments", name)
        if env.nodes.min > env.nodes.max:
            yield Found(
                (*here, "nodes"), f"min {env.nodes.min} is more than max {env.nodes.max}", "raise max"
            )
        if env.ports.http == env.ports.https:
            yield Found((*here, "ports"), f"http and https are both {env.ports.http}", "give them two ports")
        if env.monolith and not declared.monolith:
            yield Found((*here, "monolith"), "there is no monolith to have another address", "add monolith:")
        if env.nodes.auto and env.on != "eks":
            why = f"auto is a mode of EKS, and means nothing on: {env.on}"
            yield Found((*here, "nodes", "auto"), why, "remove it, or say on: eks")
        if env.on == "local":
            yield from _local(here, env)
        elif env.on == "eks" and "size" in env.nodes.model_fields_set and not env.instance:
            why = f"{env.nodes.size!r} is a size of local nodes; on: eks it is an instance type"
            yield Found((*here, "nodes", "size"), why, "such as m7i.large")
        yield from contradictions_of_certificate(here, system.folder, env)
        yield from _belongs(here, env)
        yield from contradictions_of_name(here, env)


def _platforms(system: System, _: Declared) -> Iterator[Found]:
    local = next((name for name, env in system.environments.items() if env.on == "local"), "")
    wanted, here = system.images.platforms, architecture()
    if local and wanted and here not in wanted:
        why = f"{local} runs on this machine, which is {here}: its nodes cannot run such images"
        yield Found(("images", "platforms"), why, f"add {here}")


def _belongs(here: Path, env: EnvironmentSpec) -> Iterator[Found]:
    """See that each kind of environment says what it needs, and nothing that only another kind knows."""
    for key in NEEDS[env.on]:
        if not getattr(env, key):
            yield Found(here, f"{key} is missing: on: {env.on} needs it", f"add {key}:")
    if env.account and not re.fullmatch(r"[0-9]{12}", env.account):
        yield Found((*here, "account"), f"{env.account!r} is no AWS account: 12 digits", "put it in quotes")
    if env.region and not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", env.region):
        yield Found((*here, "region"), f"{env.region!r} is no AWS region", "one such as eu-central-1")
    for key, kind in ONLY.items():
        if env.on != kind and key in env.model_fields_set:
            yield Found((*here, key), f"{key} means nothing on: {env.on}", f"remove it, or say on: {kind}")
    yield from _control(here, env)
    asked: dict[Path, object] = {("access",): env.access, ("open_to",): env.open_to}
    asked |= {("control",): env.control}
    for place, value in {**asked, ("nodes", "auto"): env.nodes.auto}.items():
        if env.adopt and env.adopt.cluster and value:
            why = f"{place[-1]} would change cluster {env.adopt.cluster}, which is adopted"
            yield Found((*here, *place), why, "remove it: who keeps the cluster says so")


def _control(here: Path, env: EnvironmentSpec) -> Iterator[Found]:
    if env.control is None:
        return
    if env.control.private and env.open_to:
        why = "open_to names who reaches the API from outside, and with private nobody does"
        yield Found((*here, "open_to"), why, "remove one of the two")
    if (key := env.control.key) and region_of(key) != env.region:
        why = f"the key is in {region_of(key)}, and the cluster in {env.region}"
        yield Found((*here, "control", "key"), why, "EKS takes keys of its own region only")


def _local(here: Path, env: EnvironmentSpec) -> Iterator[Found]:
    size = env.nodes.size
    if env.certificate:
        why = "certificate means nothing on: local, where this machine's own authority signs"
        yield Found((*here, "certificate"), why, "remove it")
    for at, name in places_of_names(here, env):
        if not name.endswith(".localhost"):
            why = f"{name} is not this machine: a rehearsal's domain ends in .localhost"
            yield Found(at, why, f"such as {name.partition('.')[0]}.localhost")
    if size not in LOCAL_SIZES:
        sizes = ", ".join(LOCAL_SIZES)
        yield Found((*here, "nodes", "size"), f"{size!r} is no size of a local node", f"one of: {sizes}")


def _services(system: System, declared: Declared) -> Iterator[Found]:
    for name, service in system.services.items():
        here: Path = ("services", name)
        if not (system.folder / service.source).is_dir():
            yield Found((*here, "source"), f"there is no folder {service.source}", f"from {system.folder}")
        scale = service.scale
        if scale.min > scale.max:
            yield Found((*here, "scale"), f"min {scale.min} is more than max {scale.max}", "raise max")
        if scale.targets and scale.min >= scale.max:
            asks = " and ".join(scale.targets)
            why = f"{asks} asks for an autoscaler, but min and max leave it nothing"
            yield Found((*here, "scale"), why, "raise max")
        if scale.requests and name not in {crossing.to for crossing in system.crossings.values()}:
            why = f"requests counts what comes through the gateway, and no crossing leads to {name}"
            yield Found((*here, "scale"), why, "say cpu instead, or let a crossing lead to it")
        times = service.rollout
        if times.deadline <= times.drain + times.request:
            least = times.drain + times.request
            yield Found(
                (*here, "rollout"),
                f"deadline {times.deadline} s is not longer than drain + request, {least} s",
                f"deadline: {2 * least} or more, or every rollout is called failed",
            )
        for i, peer in enumerate(service.calls):
            if peer not in declared.services:
                yield Found((*here, "calls", i), *unknown(peer, declared.services, "service"))


def _releases(system: System, declared: Declared) -> Iterator[Found]:
    """See that a release which crosses has something to cross by, and a way back."""
    for name, service in system.services.items():
        if service.release != "crossing":
            continue
        here: Path = ("services", name, "release")
        routes = [route for each in system.crossings.values() if each.to == name for route in each.routes]
        if not routes:
            yield Found(here, "no crossing leads to it: nothing could cross", "remove it, or add a crossing")
        if len(routes) > ROUTES:
            why = f"the crossings to it have {len(routes)} routes; a release may have {ROUTES}"
            yield Found(here, why, "name fewer, shorter paths, or say release: rolling")
        if service.migrations == CONTRACT:
            why = "both versions run at once, and contract takes away what the old one needs"
            remedy = "let one release no longer use it, and a later one, release: rolling, take it away"
            yield Found(("services", name, "migrations"), why, remedy)
        following = next_name(name)
        if len(following) > NAME_MAX:
            why = f"the new version is called {following}, which is longer than {NAME_MAX}"
            yield Found(here, why, "give the service a shorter name")
        for part, names in (("services", declared.services), ("crossings", declared.crossings)):
            if following in names:
                why = f"{following} is the name of the new version of service {name} in the cluster"
                yield Found((part, following), why, "rename it")


def _taken(system: System, declared: Declared) -> Iterator[Found]:
    """See that no service and no secret has the name of an object that Seaway makes itself."""
    of_databases = {f"{name}-db": f"database {name}" for name in declared.databases}
    images = dict.fromkeys(
        ("envoy", "envoy-gateway", "pilot", "pilot-acme", "postgres"), "one of Seaway's own images"
    )
    services = {MONOLITH: "the monolith", "comparator": "the comparator", **images, **of_databases}
    acme = {
        "acme-account": "the account at an ACME server",
        "acme-certificate": "its certificate",
        "acme-dns-key": "the zone's key",
    }
    login = {"login": "the login at the edge", "login-ca": "the issuer's authority"}
    secrets = {"edge-tls": "the gateway's certificate", **acme, **login, **of_databases}
    for name, service in system.services.items():
        if name in services:
            yield Found(
                ("services", name), f"{name} is the name of {services[name]} in the cluster", "rename it"
            )
        for i, secret in enumerate(service.secrets):
            if secret in secrets:
                why = f"{secret} is the secret of {secrets[secret]}"
                yield Found(("services", name, "secrets", i), why, "rename it")


def _commands(system: System, _: Declared) -> Iterator[Found]:
    """See that the command listens where the cluster will look for it."""
    for name, service in system.services.items():
        here: Path = ("services", name, "run")
        for host, port in _binds(shlex.split(service.run)):
            if host in LOOPBACK:
                remedy = f"listen on 0.0.0.0:{service.port}"
                yield Found(here, f"it listens on {host}, where nobody else reaches it", remedy)
            elif port and port != service.port:
                yield Found(here, f"it listens on {port}, but port is {service.port}", f"say port: {port}")


def _binds(words: list[str]) -> Iterator[tuple[str, int]]:
    """Read host and port from the options of gunicorn, uvicorn, hypercorn and flask."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    for word, following in pairs:
        flag, _, joined = word.partition("=")
        value = joined or following
        if flag in {"-b", "--bind"}:
            found = BOUND.fullmatch(value)
            yield (found["host"] or "", int(found["port"])) if found else (value, 0)
        elif flag == "--host":
            yield value, 0
        elif flag == "--port" and value.isdigit():
            yield "", int(value)


def _variables(system: System, declared: Declared) -> Iterator[Found]:
    for name, service in system.services.items():
        here: Path = ("services", name, "env")
        for key, value in service.env.items():
            for word in PLACEHOLDER.findall(value):
                if word != "monolith":
                    yield Found((*here, key), f"${{{word}}} stands for nothing", "only ${monolith} is known")
                elif not declared.monolith:
                    yield Found(
                        (*here, key), "${monolith} stands for nothing: there is no monolith", "add monolith:"
                    )
            for peer in PEER.findall(value):
                if peer not in declared.services and (near := nearest(peer, declared.services)):
                    yield Found((*here, key), f"there is no service {peer!r}", f"did you mean http://{near}?")
        given = {secret.replace("-", "_").upper(): f"secret {secret}" for secret in service.secrets}
        if service.database:
            given["DATABASE_URL"] = f"database {service.database}"
        for key in given.keys() & service.env.keys():
            yield Found((*here, key), f"{key} is also the variable of {given[key]}", "remove one of them")


def _databases(system: System, declared: Declared) -> Iterator[Found]:
    used = {service.database for service in system.services.values() if service.database}
    for name, service in system.services.items():
        if service.database and service.database not in declared.databases:
            found = unknown(service.database, declared.databases, "database")
            yield Found(("services", name, "database"), *found)
    certain = used <= declared.databases and declared.services <= system.services.keys()
    for name in system.databases if certain else ():
        if name not in used:
            yield Found(
                ("databases", name), "no service uses it", f"say database: {name} in a service, or remove it"
            )


def _crossings(system: System, declared: Declared) -> Iterator[Found]:
    if declared.crossings and not declared.monolith:
        yield Found(
            ("crossings",), "there is no monolith to cross from", "add monolith:, or remove crossings:"
        )
    for name, crossing in system.crossings.items():
        here: Path = ("crossings", name)
        if crossing.to not in declared.services:
            yield Found((*here, "to"), *unknown(crossing.to, declared.services, "service"))
        for i, other in enumerate(crossing.after):
            if other == name:
                yield Found((*here, "after", i), "a crossing cannot come after itself", "remove it")
            elif other not in declared.crossings:
                yield Found((*here, "after", i), *unknown(other, declared.crossings, "crossing"))
        if "timezone" in crossing.model_fields_set and not crossing.only:
            yield Found((*here, "timezone"), "it has no hours to be the time zone of", "add only:")
        if "patience" in crossing.guard.model_fields_set and not crossing.guard.minimum:
            why = "without a minimum of requests nothing is waited for"
            yield Found((*here, "guard", "patience"), why, "remove it, or say minimum:")


def _order(system: System, _: Declared) -> Iterator[Found]:
    graph = {n: [a for a in c.after if a in system.crossings and a != n] for n, c in system.crossings.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Found(
            ("crossings", circle[0], "after"),
            f"crossings wait for each other: {' after '.join(circle)}",
            "remove one after: of these",
        )


def _routes(system: System, _: Declared) -> Iterator[Found]:
    """See that every path has one owner; `/` is all that nobody else names."""
    seen: list[tuple[str, str, str]] = []
    for name, crossing in system.crossings.items():
        for i, route in enumerate(crossing.routes):
            bare = route.rstrip("/")
            for other, theirs, bare_theirs in seen:
                if bare == bare_theirs or (bare and bare_theirs and _nested(bare, bare_theirs)):
                    whose = "this crossing" if other == name else f"crossing {other}"
                    yield Found(
                        ("crossings", name, "routes", i),
                        f"{route} overlaps with {theirs} of {whose}",
                        "a path moves with one crossing: take it out of the other",
                    )
            seen.append((name, route, bare))


def _nested(a: str, b: str) -> bool:
    return a.startswith(f"{b}/") or b.startswith(f"{a}/")


def _closed(system: System, _: Declared) -> Iterator[Found]:
    """See that nothing shall cross of which the edge refuses every request."""
    for name, crossing in system.crossings.items():
        for i, route in enumerate(crossing.routes):
            for path in system.closed:
                if f"{route.rstrip('/')}/".startswith(f"{path.rstrip('/')}/"):
                    why = f"the edge refuses {path} to the outside: no visitor's request would cross"
                    remedy = "name the closed paths without it in edge.closed"
                    yield Found(("crossings", name, "routes", i), why, remedy)


def _promotions(system: System, _: Declared) -> Iterator[Found]:
    for name in system.promotions:
        yield from contradictions_of_promotion(system, name)


def _logins(system: System, declared: Declared) -> Iterator[Found]:
    for name in system.environments:
        yield from contradictions_of_login(system, name, monolith=declared.monolith)


Check = Callable[[System, Declared], Iterator[Found]]
WITHIN: Final[tuple[Check, ...]] = (_environments, _platforms, _services, _taken, _commands, _variables)
BETWEEN: Final[tuple[Check, ...]] = (
    *(_databases, _crossings, _releases, _order, _routes, _closed, _promotions),
    _logins,
)
