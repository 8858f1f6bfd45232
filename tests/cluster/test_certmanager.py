"""The real controllers of cert-manager keep the small system's certificate, and give it up again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.benchmark.peers import built, running
from seaway.kit.kube import Kube, Ref
from seaway.model.certificate import Certificate
from seaway.model.event import silent
from seaway.providers.local import engine
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.edge.certificates import LOOPBACK, secret_of, shown
from seaway.rooms.edge.certmanager import API, certificate_ref
from tests.cluster.support import namespace_of_its_own, until
from tests.cluster.tiny_system import DOMAIN, HTTPS, SYSTEM, Tiny

MODULE = Path(__file__).parent / "certmanager"
OTHER = f"www.{DOMAIN}"


@pytest.fixture(scope="session")
def program() -> Path:
    """Its controllers, built once (a minute) and kept in the user's cache."""
    return built(MODULE, "seaway.dev/tests/certmanager") / "certmanager"


@pytest.fixture
def definitions(tiny: Tiny) -> Iterator[list[dict[str, Any]]]:
    """Its kinds, as its own module has them; gone afterwards, with all objects of them."""
    go, module = engine.go_program(engine.source(), silent), "github.com/cert-manager/cert-manager"
    argv, env = [go, "mod", "download", "-json", module], engine.surroundings()
    told = subprocess.run(argv, cwd=MODULE, env=env, check=True, capture_output=True).stdout
    files = sorted((Path(json.loads(told)["Dir"]) / "deploy" / "crds").glob("*.yaml"))
    found = [yaml.safe_load(file.read_text()) for file in files]
    yield found
    for each in found:
        tiny.cluster.kube.delete(Ref.of(each))


@pytest.fixture
def authority(tiny: Tiny, tmp_path: Path) -> Iterator[str]:
    """A namespace with the pair of an authority, which an issuer signs with."""
    pair = LocalCertificates(tmp_path)
    pair.issue(DOMAIN)
    with namespace_of_its_own(tiny.cluster.kube) as name:
        files = {"tls.crt": Path(pair.authority_path()), "tls.key": tmp_path / "ca.key"}
        said = {key: file.read_text() for key, file in files.items()}
        meta = {"name": "authority", "namespace": name}
        tiny.cluster.kube.apply(
            {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta}
            | {"stringData": said}
        )
        yield name


def test_it_signs_after_a_stand_in_and_keeps_what_it_signed(
    tiny: Tiny, program: Path, definitions: list[dict[str, Any]], authority: str, tmp_path: Path
) -> None:
    kube, before = tiny.cluster.kube, shown(LOOPBACK, HTTPS, DOMAIN)
    tiny.say(https={"issuer": "cert-manager", "name": "house"})
    assert "cert-manager is not there" in tiny.seaway("up", status=1)[1]
    for each in definitions:
        kube.apply(each)
    until(lambda: kube.serves(API, "ClusterIssuer"), "its kinds")
    assert "there is none of this name" in tiny.seaway("up", status=1)[1]
    assert shown(LOOPBACK, HTTPS, DOMAIN) == before, "what was shown is shown on"

    spec = {"ca": {"secretName": "authority"}}
    kube.apply({"apiVersion": API, "kind": "ClusterIssuer", "metadata": {"name": "house"}, "spec": spec})
    with running([program, str(tiny.cluster.home.kubeconfig), authority], tmp_path / "log"):
        tiny.seaway("up")
        signed = until(lambda: _signed(tiny, before), "the certificate of the issuer")
        assert signed.names == (DOMAIN,)
        assert tiny.plan() == []
        kube.delete(secret_of(SYSTEM))
        again = until(lambda: _signed(tiny, signed), "another one in the place of one that was deleted")
        assert tiny.plan() == []
        tiny.say(names=[OTHER])
        tiny.seaway("up")
        both = until(lambda: _signed(tiny, again), "one for both names")
        assert set(both.names) == {DOMAIN, OTHER}
        assert tiny.plan() == []
        _goes_back(tiny, kube)
    assert tiny.plan() == []


def _goes_back(tiny: Tiny, kube: Kube) -> None:
    tiny.write()
    tiny.seaway("up")
    local = LocalCertificates().authority
    until(lambda: kube.get(certificate_ref(SYSTEM)) is None, "the end of what is asked for")
    told = json.loads(tiny.seaway("edge", "status", "-o", "json")[0])
    assert (told["failure"], told["cert_manager"]) == ("", None)
    secret = kube.get(secret_of(SYSTEM)) or {}
    assert secret["metadata"]["annotations"]["seaway.dev/authority"] == local


def _signed(tiny: Tiny, before: Certificate) -> Certificate | None:
    """What visitors are shown, if it is another one than before and cert-manager says that it is good."""
    told = json.loads(tiny.seaway("edge", "status", "-o", "json")[0])
    found = shown(LOOPBACK, HTTPS, DOMAIN)
    good = told["cert_manager"]["ready"] and not told["failure"]
    return found if good and found.serial != before.serial else None
