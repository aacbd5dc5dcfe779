"""What aiohttp hands us, as our words: headers as text, its errors as ours."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp.client_exceptions import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
)

from connectors.http.address_guard import AddressForbidden
from connectors.http.fetch import FetchState
from pipeline.domain.errors import FetchError, RequestRefused, Unreachable


def plain_headers(reply: aiohttp.ClientResponse) -> dict[str, str]:
    """Headers by lower-case name, repeated ones joined (RFC 9110 section 5.3), as text that any store can keep."""
    headers: dict[str, str] = {}
    for name, value in reply.headers.items():
        key = name.lower()
        text = value if value.isascii() else clean_text(value)
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def clean_text(value: str) -> str:
    """A header value as UTF-8 if it is, else as Latin-1, which HTTP once meant; never a lone surrogate."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def keep_cookies(walk: FetchState, reply: aiohttp.ClientResponse) -> None:
    """Remember what this hop set, for the rest of this fetch."""
    if walk.jar is None:
        walk.jar = aiohttp.CookieJar(unsafe=True)  # unsafe: cookies of bare addresses too, as any browser
    walk.jar.update_cookies(reply.cookies, reply.url)


# What failed, most specific first. "connect" is tried once more.
STAGES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((ClientConnectorCertificateError, ClientConnectorSSLError, ssl.SSLError), "tls"),
    ((ClientConnectorDNSError,), "dns"),
    ((ClientConnectorError,), "connect"),
    ((aiohttp.ClientPayloadError,), "body"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), "cut"),
)


def unreachable(url: str, error: Exception) -> FetchError:
    """The error of ours that an error of aiohttp means."""
    refusal = forbidden_cause(error)
    if refusal is not None:
        return RequestRefused(url, "address", f"{refusal.address} is {refusal.rule}", address=refusal.address)
    if isinstance(error, ClientConnectorError) and is_handshake(url, error):
        return Unreachable(url, "tls", "the connection was cut while TLS was agreed on")
    reason = str(error) or type(error).__name__
    for kinds, stage in STAGES:
        if isinstance(error, kinds):
            return Unreachable(url, stage, reason[:500])
    return Unreachable(url, "protocol", reason[:500])


def is_handshake(url: str, error: ClientConnectorError) -> bool:
    """Whether it was connected and then cut: an error of the loop's, not of the system's."""
    return url.startswith("https:") and error.os_error.errno is None


def forbidden_cause(error: BaseException | None) -> AddressForbidden | None:
    """The refusal of the address guard somewhere behind an error."""
    while error is not None:
        if isinstance(error, AddressForbidden):
            return error
        error = error.__cause__ or error.__context__
    return None
