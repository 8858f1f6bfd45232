"""Network namespaces, links, routes and this machine's own table of packet rules.

A cluster lives behind one veth: everything in it is in namespaces, so this machine sees one interface, one
route and one nftables table, and other clusters see nothing.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from seaway.errors import Busy, Refused
from seaway.kit import process
from seaway.providers.local import home as homes
from seaway.providers.local.home import CLUSTERS, Home, NodeHome

BRIDGE: Final = "nodes"
STRAYS: Final = "seaway-strays"
_FORWARD: Final = Path("/proc/sys/net/ipv4/ip_forward")
_FORWARD_WAS: Final = homes.STATE / "ip_forward.was"


def free_number() -> int:
    """A cluster number whose network nobody uses: not another cluster, not a route of this machine."""
    taken = {home.number for home in homes.homes()}
    routes = json.loads(process.run("ip", "-j", "route", "show", "table", "all"))
    used = {str(route.get("dst", "")) for route in routes}
    for number in range(CLUSTERS):
        prefix = f"10.{200 + number}."
        if number not in taken and not any(dst.startswith(prefix) for dst in used):
            return number
    raise Refused(
        "no free network for another cluster",
        why="10.200.0.0 to 10.239.255.255 are all in use",
        remedy="seaway cluster delete --name NAME",
    )


def namespaces() -> frozenset[str]:
    return frozenset(p.name for p in Path("/run/netns").glob("seaway-*"))


def raise_cluster(home: Home) -> None:
    """Make the control plane's namespace, its bridge and the link to this machine; what is there is kept."""
    if home.namespace not in namespaces():
        process.run("ip", "netns", "add", home.namespace)
    inside = ("nsenter", f"--net=/run/netns/{home.namespace}")
    if not Path(f"/sys/class/net/{home.link}").exists():
        process.run(
            "ip", "link", "add", home.link, "type", "veth", "peer", "name", "outside", "netns", home.namespace
        )
    process.run("ip", "address", "replace", f"{home.outside}/30", "dev", home.link)
    process.run("ip", "link", "set", home.link, "up")
    _sysctl((), **{f"net.ipv4.conf.{home.link}.route_localnet": 1})
    process.run(
        "ip",
        "route",
        "replace",
        str(home.network),
        "via",
        str(home.inside),
        "dev",
        home.link,
        "src",
        str(home.outside),
    )
    links = {link["ifname"] for link in json.loads(process.run(*inside, "ip", "-j", "link"))}
    if BRIDGE not in links:
        process.run(*inside, "ip", "link", "add", BRIDGE, "type", "bridge")
    for device, address in (("lo", ""), ("outside", f"{home.inside}/30"), (BRIDGE, f"{home.control}/24")):
        if address:
            process.run(*inside, "ip", "address", "replace", address, "dev", device)
        process.run(*inside, "ip", "link", "set", device, "up")
    process.run(*inside, "ip", "route", "replace", "default", "via", str(home.outside))
    _sysctl(
        inside,
        **{
            "net.ipv4.ip_forward": 1,
            "net.ipv4.conf.all.send_redirects": 0,
            f"net.ipv4.conf.{BRIDGE}.send_redirects": 0,
        },
    )
    _refuse_strays(home, inside)
    _forward()


def _refuse_strays(home: Home, inside: tuple[str, ...]) -> None:
    """Answer at once for addresses of the cluster that lead nowhere: no such Service, or a node that is gone.

    By the default route they would leave for this machine, which sends them back: a visitor would then wait
    in vain, also once the address is there again, since a connection keeps the way of its first packet.
    """
    stray = f'oifname "outside" ip daddr {home.network} ip daddr != {home.outside}'
    process.run(
        *inside,
        "nft",
        "-f",
        "-",
        stdin=f"""
table ip {STRAYS}
delete table ip {STRAYS}
table ip {STRAYS} {{
  chain forward {{
    type filter hook forward priority 0;
    {stray} meta l4proto tcp reject with tcp reset
    {stray} reject
  }}
}}
""",
    )


def raise_node(node: NodeHome) -> None:
    """Make a node's namespace and plug it into the cluster's bridge; what is there is kept."""
    cluster = node.cluster
    if node.namespace not in namespaces():
        process.run("ip", "netns", "add", node.namespace)
    inside = ("nsenter", f"--net=/run/netns/{node.namespace}")
    control = ("nsenter", f"--net=/run/netns/{cluster.namespace}")
    port = f"node{node.number}"
    links = {link["ifname"] for link in json.loads(process.run(*control, "ip", "-j", "link"))}
    if port not in links:
        process.run(
            *control,
            "ip",
            "link",
            "add",
            port,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            node.namespace,
        )
    process.run(*control, "ip", "link", "set", port, "master", BRIDGE, "up")
    process.run(*inside, "ip", "link", "set", "lo", "up")
    process.run(*inside, "ip", "address", "replace", f"{node.address}/24", "dev", "eth0")
    process.run(*inside, "ip", "link", "set", "eth0", "up")
    process.run(*inside, "ip", "route", "replace", "default", "via", str(cluster.control))
    _sysctl(inside, **{"net.ipv4.ip_forward": 1})
    process.run(*control, "ip", "route", "replace", str(node.pods), "via", str(node.address))


def lower_node(node: NodeHome) -> None:
    control = ("nsenter", f"--net=/run/netns/{node.cluster.namespace}")
    if node.cluster.namespace in namespaces():
        process.run(*control, "ip", "route", "delete", str(node.pods), check=False)
        process.run(*control, "ip", "link", "delete", f"node{node.number}", check=False)
    if node.namespace in namespaces():
        process.run("ip", "netns", "delete", node.namespace)


def lower_cluster(home: Home) -> None:
    """Take away what `raise_cluster` and `write_rules` made; what is gone already is fine."""
    process.run("nft", "delete", "table", "ip", _table(home), check=False)
    for namespace in sorted(namespaces()):
        if namespace == home.namespace or namespace in {n.namespace for n in homes.nodes(home)}:
            process.run("ip", "netns", "delete", namespace)
    process.run("ip", "link", "delete", home.link, check=False)
    if all(other.name == home.name for other in homes.homes()) and _FORWARD_WAS.exists():
        _FORWARD.write_text(_FORWARD_WAS.read_text())
        _FORWARD_WAS.unlink()


def write_rules(
    home: Home,
    published: Mapping[int, tuple[str, int]],
    admitted: tuple[int, ...],
    udp: tuple[int, ...] = (),
) -> None:
    """Replace this cluster's nftables table as one transaction.

    `published` maps loopback ports of this machine to an address and port in the cluster, `admitted` are
    loopback ports of this machine that pods, and this machine too, reach at the cluster's `outside` address.
    Ports of `udp` are published for datagrams too.
    """
    table, link = _table(home), home.link
    out = "\n".join(
        f"    ip daddr 127.0.0.0/8 {kind} dport {port} dnat to {ip}:{to}"
        for port, (ip, to) in sorted(published.items())
        for kind in ("tcp", *(["udp"] if port in udp else []))
    )
    around = "\n".join(
        f"    ip daddr {home.outside} tcp dport {port} dnat to 127.0.0.1:{port}" for port in admitted
    )
    into = "\n".join(
        f'    iifname "{link}" ip daddr {home.outside} tcp dport {port} dnat to 127.0.0.1:{port}'
        for port in admitted
    )
    process.run(
        "nft",
        "-f",
        "-",
        stdin=f"""
table ip {table}
delete table ip {table}
table ip {table} {{
  chain output {{
    type nat hook output priority -100;
{out}
{around}
  }}
  chain prerouting {{
    type nat hook prerouting priority -100;
{into}
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    oifname "{link}" ip saddr 127.0.0.0/8 snat to {home.outside}
    ip saddr {home.network} oifname != "{link}" masquerade
  }}
  chain input {{
    type filter hook input priority 0;
    iifname "{link}" ct state established,related accept
    iifname "{link}" ct status dnat accept
    iifname "{link}" meta l4proto icmp accept
    iifname "{link}" drop
  }}
}}
""",
    )


def check_ports(ports: tuple[int, ...]) -> None:
    """Raise Busy where a program of this machine listens on one of these ports of loopback."""
    for port in ports:
        for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104  (only tried, never served)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError as error:
                    raise Busy(
                        f"port {port} of this machine is in use",
                        why=f"another program listens on {address}:{port} ({error.strerror})",
                        remedy="stop it, or set environments: {…: {ports: {http: 8080, https: 8443}}}",
                    ) from error


def _table(home: Home) -> str:
    return f"seaway-{home.name}"


def _forward() -> None:
    """Pods reach the internet through this machine; its own setting comes back with the last cluster."""
    if _FORWARD.read_text().strip() == "0":
        _FORWARD_WAS.write_text("0\n")
        _FORWARD.write_text("1\n")


def _sysctl(inside: tuple[str, ...], **values: int) -> None:
    process.run(*inside, "sysctl", "-q", "-w", *(f"{key}={value}" for key, value in values.items()))
