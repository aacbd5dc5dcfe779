"""Translates aiohttp's headers into text and its exceptions into our errors."""

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
    """A header value decoded as UTF-8, else as Latin-1 (HTTP's old default); never a lone surrogate."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


# The stage that failed, most specific exception first. "connect" is tried once more.
STAGES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((ClientConnectorCertificateError, ClientConnectorSSLError, ssl.SSLError), "tls"),
    ((ClientConnectorDNSError,), "dns"),
    ((ClientConnectorError,), "connect"),
    ((aiohttp.ClientPayloadError,), "body"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), "cut"),
    ((Exception,), "protocol"),
)


def translate_error(url: str, error: Exception) -> FetchError:
    """Our error for an exception of aiohttp."""
    refusal = forbidden_cause(error)
    if refusal is not None:
        return RequestRefused(url, "address", f"{refusal.address} is {refusal.rule}", address=refusal.address)
    # An error of the event loop's has no errno: the connection was made, and then cut.
    if isinstance(error, ClientConnectorError) and url.startswith("https:") and error.os_error.errno is None:
        return Unreachable(url, "tls", "the connection was cut while TLS was agreed on")
    stage = next(stage for kinds, stage in STAGES if isinstance(error, kinds))
    return Unreachable(url, stage, (str(error) or type(error).__name__)[:500])


def forbidden_cause(error: BaseException | None) -> AddressForbidden | None:
    """The address guard's refusal among an error's causes."""
    while error is not None and not isinstance(error, AddressForbidden):
        error = error.__cause__ or error.__context__
    return error
