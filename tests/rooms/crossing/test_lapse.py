"""Which certificates end soon, by what a proxy says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from seaway.rooms.crossing.lapse import ends, warnings

#: As Envoy 1.39 answers it.
TOLD = """\
# TYPE envoy_listener_ssl_certificate_expiration_unix_time_seconds gauge
envoy_listener_ssl_certificate_expiration_unix_time_seconds\
{envoy_tls_certificate="tiny/edge-tls",envoy_listener_address="0.0.0.0_10443"} 1803643488

"""
END = datetime(2027, 2, 26, 12, 4, 48, tzinfo=UTC)


def test_a_proxy_tells_when_its_certificates_end() -> None:
    assert ends(TOLD) == {"tiny/edge-tls": END}
    assert ends("") == {}


def test_what_ends_soon_is_told_and_what_was_renewed_in_time_is_not() -> None:
    found = {"tiny/edge-tls": END}
    assert warnings(found, END - timedelta(days=15)) == []
    said = "tiny/edge-tls {} on 2027-02-26 12:04 UTC: seaway up renews it"
    assert warnings(found, END - timedelta(days=13)) == [said.format("ends")]
    assert warnings(found, END) == [said.format("ended")]


def test_what_the_pilot_renews_is_told_with_less_left_and_another_way_to_look() -> None:
    found, soon = {"tiny/edge-tls": END}, timedelta(days=1)
    assert warnings(found, END - timedelta(days=2), soon) == []
    told = ["tiny/edge-tls ends on 2027-02-26 12:04 UTC: seaway edge status tells why"]
    assert warnings(found, END - timedelta(hours=23), soon) == told
