"""`seaway domain` as it is typed, before a real server of names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.benchmark.names import KEY, LOOPBACK, Knot, Side, free_port, secret_of
from seaway.flow.domain import move
from seaway.kit.dns import Records, ask
from seaway.providers.local.ca import LocalCertificates
from tests.flow.names import place

from .conftest import Run

NAME = "www.shop.test"
OLD = Records(NAME, "A", 3600, ("192.0.2.1",))
SECRET = secret_of(KEY)
GIVEN = {"SEAWAY_SECRET_DNS_KEY": f"hmac-sha256:{KEY.name}:{SECRET}"}
FILE = """
system: shop
services:
  web: {{source: ., run: serve}}
environments:
  production:
    on: kubeconfig
    context: production
    registry: registry.example.com
    domain: www.shop.test
    dns: {{provider: rfc2136, zone: shop.test, server: "{server}", key: dns-key, to: 127.0.0.1, resolvers: "{server}"}}
"""  # noqa: E501


@pytest.fixture
def named(knot: Knot, tmp_path: Path) -> Knot:
    """A server with the name of the file, which nobody owns, and no gateway that would serve it."""
    (tmp_path / "seaway.yaml").write_text(FILE.format(server=knot.server))
    knot.put("shop.test", OLD)
    return knot


def test_status_tells_where_the_name_leads_and_whose_it_is(seaway: Run, named: Knot) -> None:
    done = seaway("domain", "status", **GIVEN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{NAME} leads to the old server\n")
    assert "A     3600  192.0.2.1\n" in done.stdout
    assert "owned by    nobody\n" in done.stdout
    assert "✗ no TXT record says who owns it" in done.stdout
    (found,) = json.loads(seaway("domain", "status", "-o", "json", **GIVEN).stdout)["names"]
    assert (found["leads"], found["ttl"], found["records"]) == ("old server", 3600, ["A 192.0.2.1"])
    assert found["resolvers"] == [
        {"resolver": str(named.server), "leads": "old server", "addresses": ["192.0.2.1"], "why": ""}
    ]
    assert SECRET not in done.stdout + done.stderr


def test_verify_ends_with_one_where_something_is_wrong(seaway: Run, named: Knot) -> None:  # noqa: ARG001
    done = seaway("domain", "verify", **GIVEN)
    assert done.returncode == 1
    assert "✗ the gateway does not serve www.shop.test: 127.0.0.1:443" in done.stdout


def test_nothing_moves_to_a_gateway_that_is_not_there(seaway: Run, named: Knot) -> None:
    done = seaway("domain", "move", "--adopt", "-o", "json", **GIVEN)
    assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (1, "Refused")
    assert "the name stays where it is" in done.stderr
    assert ask(named.server, NAME, "A") == OLD
    assert ask(named.server, f"a-{NAME}", "TXT").values == ()
    done = seaway("domain", "back", "-o", "json", **GIVEN)
    (led,) = json.loads(done.stdout)["names"]
    assert (done.returncode, led["leads"]) == (0, "old server")


@pytest.mark.parametrize("verb", ["status", "move", "back"])
def test_a_key_that_is_not_given_and_a_file_without_dns_are_wrong_input(
    seaway: Run, tmp_path: Path, verb: str
) -> None:
    text = FILE.format(server=f"127.0.0.1:{free_port()}")
    (tmp_path / "seaway.yaml").write_text(text)
    done = seaway("domain", verb)
    assert done.returncode == 2
    assert "set SEAWAY_SECRET_DNS_KEY=" in done.stderr
    (tmp_path / "seaway.yaml").write_text(text[: text.index("    dns:")])
    done = seaway("domain", verb)
    assert done.returncode == 2
    assert "the file does not say where www.shop.test is kept" in done.stderr
    assert "environments.production" in done.stderr


def test_a_moved_name_needs_no_cluster_to_be_led_back(seaway: Run, knot: Knot, tmp_path: Path) -> None:
    """The file does not say where the gateway answers, and the cluster is not there to be asked."""
    text = FILE.format(server=knot.server).replace("to: 127.0.0.1, ", "")
    (tmp_path / "seaway.yaml").write_text(text)
    done = seaway("domain", "status", **GIVEN, KUBECONFIG="/nowhere")
    assert done.returncode == 1
    assert "there is no context production in your kubeconfig" in done.stderr
    assert "where: /nowhere" in done.stderr
    knot.put("shop.test", OLD)
    with place(knot, tmp_path / "place") as there:
        move(there.here, adopt=True)
    done = seaway("domain", "status", "-o", "json", **GIVEN, KUBECONFIG="/nowhere")
    (found,) = json.loads(done.stdout)["names"]
    assert (done.returncode, found["leads"], found["stage"]) == (0, "gateway", "moved"), done.stderr
    assert found["earlier"][0].endswith("192.0.2.1")


def test_a_name_is_chosen_by_its_argument(seaway: Run, named: Knot, tmp_path: Path) -> None:
    named.put("shop.test", Records("m.shop.test", "A", 60, ("192.0.2.2",)))
    text = FILE.format(server=named.server)
    (tmp_path / "seaway.yaml").write_text(
        text.replace("www.shop.test\n", "www.shop.test\n    names: m.shop.test\n")
    )
    done = seaway("domain", "status", **GIVEN)
    assert f"{NAME} leads to the old server\n" in done.stdout
    assert "\n\nm.shop.test leads to the old server\n" in done.stdout
    (found,) = json.loads(seaway("domain", "status", "m.shop.test", "-o", "json", **GIVEN).stdout)["names"]
    assert (found["name"], found["records"]) == ("m.shop.test", ["A 192.0.2.2"])
    done = seaway("domain", "back", "w.shop.test", **GIVEN)
    assert done.returncode == 2
    assert "w.shop.test is no public name of production" in done.stderr
    assert "did you mean www.shop.test?" in done.stderr


def test_a_server_that_is_away_is_told(seaway: Run, named: Knot) -> None:
    named.stop()
    done = seaway("domain", "status", **GIVEN)
    assert done.returncode == 1
    assert f"the server of names {named.server} does not answer" in done.stderr


LOCAL = """
system: shop
services:
  web: {{source: ., run: serve}}
environments:
  rehearsal:
    domain: www.shop.localhost
    ports: {{https: {port}}}
    https: {https}
    dns: {{provider: rfc2136, zone: shop.localhost, server: "{server}", key: dns-key, to: 127.0.0.1, resolvers: "{server}"}}
"""  # noqa: E501
ACME = "{issuer: acme, directory: https://ca.example.com/dir, ca: ./ca.pem}"


@pytest.mark.parametrize("https", [ACME, "local"])
def test_a_rehearsal_trusts_whom_the_file_lets_sign(seaway: Run, tmp_path: Path, https: str) -> None:
    """The gateway shows what the authority of the file signed, which is not this machine's own."""
    authority, port = LocalCertificates(tmp_path / "authority"), free_port()
    side = Side(LOOPBACK, port, "www.shop.localhost", authority, tmp_path)
    (tmp_path / "ca.pem").write_text(Path(authority.authority_path()).read_text())
    with Knot(tmp_path / "knot", {"shop.localhost": ""}) as knot, side.serving():
        text = LOCAL.format(port=port, https=https, server=knot.server)
        (tmp_path / "seaway.yaml").write_text(text)
        knot.put("shop.localhost", Records("www.shop.localhost", "A", 60, ("192.0.2.1",)))
        done = seaway("domain", "verify", **GIVEN)
    refused = "✗ the gateway does not serve www.shop.localhost" in done.stdout
    assert refused == (https == "local"), done.stdout
