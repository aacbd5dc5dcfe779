"""Which addresses may be connected to, in whatever notation they are written."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.address_guard import (
    AddressForbidden,
    AddressGuard,
    GuardedResolver,
    forbidden,
    literal_address,
    parse_target,
    redirect_url,
)
from pipeline.domain.errors import RequestRefused, Unreachable

PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1", "::ffff:1.1.1.1"]
PUBLIC += ["64:ff9b::1.1.1.1", "2002:101:101::1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert forbidden(address) is None


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("127.0.0.1", "loopback"),
        ("10.255.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.0.1", "private"),
        ("169.254.0.1", "link-local"),
        ("169.254.169.254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("0.1.2.3", "this network"),
        ("192.0.0.8", "IETF protocol assignments"),
        ("198.19.0.1", "benchmarking"),
        ("224.0.0.251", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("fd12::1", "unique local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "documentation"),
        ("::ffff:10.0.0.1", "private inside IPv6"),
        ("2002:a00:1::", "private inside IPv6"),
        ("64:ff9b::169.254.169.254", "metadata inside IPv6"),
        ("2001:0:7f00:1::1", "loopback inside IPv6"),
        ("::8.8.8.8", "not global unicast"),
        ("4000::1", "not global unicast"),
        ("gazette", "not an address"),
    ],
)
def test_a_forbidden_address_names_its_rule(address: str, rule: str) -> None:
    assert forbidden(address) == rule


@given(st.integers(0, 2**32 - 1))
def test_private_ipv4_networks_of_the_standard_library_are_forbidden(number: int) -> None:
    address = IPv4Address(number)
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert forbidden(str(address)) is not None


@given(st.integers(2**125, 2**128 - 1))
def test_private_ipv6_networks_of_the_standard_library_are_forbidden(number: int) -> None:
    address = str(ip_address(number))
    if not ip_address(address).is_global:
        assert forbidden(address) is not None


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("1.65535", "1.0.255.255"),
        ("::1", "::1"),
        ("gazette.test", None),
        ("1.gazette", None),
        ("0xgazette", None),
    ],
)
def test_every_notation_of_an_address_is_read(host: str, address: str | None) -> None:
    assert literal_address(host) == address


@pytest.mark.parametrize("host", ["256.1.1.1", "1.2.3.4.5", "4294967296", "gazette.123", "1..2", "09.1.1.1", "::g"])
def test_a_host_that_ends_in_a_number_and_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError):  # ipaddress words its own
        literal_address(host)


DIGITS = st.one_of(
    st.integers(0, 2**32).map(str), st.integers(0, 2**32).map(hex), st.integers(0, 2**32).map(lambda n: f"0{n:o}")
)


@given(st.lists(DIGITS, min_size=1, max_size=4).map(".".join))
def test_address_notations_are_parsed_as_libc_does(host: str) -> None:
    try:
        expected = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return  # the system refuses it; what we make of it never reaches a resolver
    assert literal_address(host) == expected


def test_a_socket_is_opened_for_an_allowed_address_and_for_no_other_of_its_kind() -> None:
    guard = AddressGuard(allowed=frozenset({"127.0.0.1"}))
    guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))).close()
    with pytest.raises(AddressForbidden) as caught:
        guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.2", 80)))
    assert (caught.value.address, caught.value.rule) == ("127.0.0.2", "loopback")


def test_the_newsroom_is_one_address_and_port() -> None:
    guard = AddressGuard(newsroom="127.0.0.1:8999")
    guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 8999))).close()
    with pytest.raises(AddressForbidden):
        guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9000)))


def test_newsroom_must_be_on_loopback() -> None:
    with pytest.raises(ValueError, match="loopback"):
        AddressGuard(newsroom="192.168.1.4:80")


@pytest.mark.parametrize("host", ["gazette.test", "gazette.test.", "a.b.test"])
async def test_the_newsroom_answers_for_the_reserved_names(host: str) -> None:
    resolver = GuardedResolver(AddressGuard(newsroom="127.0.0.1:8999"))
    (found,) = await resolver.resolve(host, 80)
    await resolver.close()
    assert (found["host"], found["port"]) == ("127.0.0.1", 8999)


async def test_names_resolving_to_private_addresses_are_refused() -> None:
    resolver = GuardedResolver(AddressGuard())
    with pytest.raises(AddressForbidden) as caught:
        await resolver.resolve("localhost", 80)
    await resolver.close()
    assert caught.value.rule == "loopback"


# ---------------------------------------------------------------- URLs as they go on the wire


@pytest.mark.parametrize(
    ("url", "wire"),
    [
        ("http://gazette.test", "http://gazette.test/"),
        ("HTTP://Gazette.TEST:80/A#haut", "http://gazette.test/A"),
        ("https://gazette.test:443/", "https://gazette.test/"),
        ("https://gazette.test:8443/", "https://gazette.test:8443/"),
        ("http://gazette.test/a%2Fb%20c?d=%C3%A9&e=é", "http://gazette.test/a%2Fb%20c?d=%C3%A9&e=%C3%A9"),
        (" http://gazette.test/a\tb\n", "http://gazette.test/ab"),
        ("http://u:p@gazette.test/", "http://gazette.test/"),
        ("http://été.test/", "http://xn--t-9fab.test/"),
        ("http://gazette.test/~x/(1),2;a=b'*!$", "http://gazette.test/~x/(1),2;a=b'*!$"),
        ("http://gazette.test/a\\b|c", "http://gazette.test/a%5Cb|c"),
        ("http://1.1.1.1/", "http://1.1.1.1/"),
        ("http://0x01010101/", "http://1.1.1.1/"),
        ("http://[2606:2800:220:1:0:0:0:1]/", "http://[2606:2800:220:1::1]/"),
    ],
)
def test_urls_are_normalised_for_the_request(url: str, wire: str) -> None:
    target = parse_target(url)
    assert target.url == str(target.wire_url) == wire


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("ftp://gazette.test/", "scheme"),
        ("gazette.test", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("http://gazette.test:22/", "port"),
        ("http://gazette.test:0/", "port"),
        ("http://gazette.test:x/", "url"),
        ("http:///a", "host"),
        ("http://-/a b", "host"),
        ("http://a..b/", "host"),
        ("http://gazette test/", "host"),
        ("http://127.0.0.1/", "address"),
        ("http://[::1]/", "address"),
        ("http://[fe80::1%25eth0]/", "address"),
    ],
)
def test_refused_urls_name_the_rule(url: str, rule: str) -> None:
    if url == "http://-/a b":
        url = "http://é\u0000à b/"
    with pytest.raises(RequestRefused) as caught:
        parse_target(url)
    assert caught.value.rule == rule


@given(st.text(max_size=60).map("http://{}".format) | st.text(max_size=60))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        target = parse_target(text)
    except RequestRefused:
        return
    assert target.url.isascii()
    assert parse_target(target.url).url == target.url


@given(st.text(max_size=60))
def test_any_location_is_a_url_or_unreachable(location: str) -> None:
    try:
        parse_target(redirect_url("http://gazette.test/feed", location))
    except (RequestRefused, Unreachable):
        return
