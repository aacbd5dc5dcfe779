"""The hostile suite where names and certificates lie: TLS failures, downgrades, rebinding, name servers that hang."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.abc import ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.http.address_guard import AddressGuard, GuardedResolver, resolved
from connectors.http.fetcher import FetchLimits, SafeFetcher
from pipeline.domain.errors import FetchError, FetchTimeout, RequestRefused, Unreachable
from pipeline.domain.model import FetchKind, Request, Response
from tests.hostile.cases import FEED, Answers, Fails, raw, redirect, whole
from tests.hostile.server import HostileServer

LIMITS = {kind: FetchLimits(total_s=5) for kind in FetchKind}
SHORT = {kind: FetchLimits(total_s=0.3) for kind in FetchKind}
LOOPBACK = frozenset({"127.0.0.1"})


# ---------------------------------------------------------------- certificates made for this run


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of our own, and the folder its certificates go to."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @classmethod
    def make(cls, folder: Path) -> Authority:
        authority = cls(folder, ec.generate_private_key(ec.SECP256R1()), named("Gazette test authority"))
        certificate = authority.sign(named("Gazette test authority"), authority.key, is_authority=True)
        (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    def sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        names: Sequence[x509.GeneralName] = (),
        days: int = 1,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, *names: x509.GeneralName, days: int = 1) -> ssl.SSLContext:
        """A server context with a fresh certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.sign(named("gazette.test"), key, names=names, days=days)
        both = self.folder / f"{certificate.serial_number}.pem"
        both.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        return context


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


HERE = x509.IPAddress(ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("another.test")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls"))


def tls_1_0(context: ssl.SSLContext) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the very reason why it must be refused
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def http2_only(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["h2"])
    return context


async def over_tls(context: ssl.SSLContext | None, authority: Authority) -> Response | FetchError:
    async with (
        HostileServer({"good": raw(whole())}, context) as server,
        SafeFetcher(
            user_agent="newswire-test/1",
            limits=LIMITS,
            allowed_addresses=LOOPBACK,
            ca_file=authority.folder / "ca.pem",
            default_spacing_s=0,
        ) as fetcher,
    ):
        try:
            return await fetcher.fetch(Request(f"https://127.0.0.1:{server.port}/", FetchKind.FEED))
        except FetchError as error:
            assert server.heads == [], "a request was sent all the same"
            return error


CERTIFICATES = {
    "valid": (lambda a: a.context(HERE), Answers()),
    "expired": (lambda a: a.context(HERE, days=-1), Fails(Unreachable, "tls")),
    "for another host": (lambda a: a.context(ELSEWHERE), Fails(Unreachable, "tls")),
    "without any name": (lambda a: a.context(), Fails(Unreachable, "tls")),
    "TLS 1.0 only": (lambda a: tls_1_0(a.context(HERE)), Fails(Unreachable, "tls")),
    "offers HTTP/2 only": (lambda a: http2_only(a.context(HERE)), Answers()),
}


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_certificate_verification_has_no_fallback(authority: Authority, name: str) -> None:
    make, ends = CERTIFICATES[name]
    fault = ends.fault(await over_tls(make(authority), authority))
    assert fault is None, fault


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path)
    fault = Fails(Unreachable, "tls").fault(await over_tls(stranger.context(HERE), authority))
    assert fault is None, fault


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28", bytes(500)])
async def test_plain_text_on_a_tls_port_is_a_tls_failure(authority: Authority, answer: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, SafeFetcher(user_agent="t", limits=LIMITS, allowed_addresses=LOOPBACK) as fetcher:
        with pytest.raises(Unreachable) as caught:
            await fetcher.fetch(Request(f"https://127.0.0.1:{port}/", FetchKind.FEED))
    assert caught.value.stage in ("tls", "cut", "connect")


async def test_a_downgrade_is_followed_noted_and_sent_no_cookie_of_the_secure_side(authority: Authority) -> None:
    async with HostileServer({"good": raw(whole())}) as plain:
        away = f"http://127.0.0.1:{plain.port}/"
        secure_redirect = redirect(away + "\r\nSet-Cookie: secret=1; Secure")
        async with (
            HostileServer({"good": secure_redirect}, authority.context(HERE)) as secure,
            SafeFetcher(
                user_agent="t", limits=LIMITS, allowed_addresses=LOOPBACK, ca_file=authority.folder / "ca.pem"
            ) as fetcher,
        ):
            response = await fetcher.fetch(Request(f"https://127.0.0.1:{secure.port}/", FetchKind.FEED))
        assert response.notes == ("downgrade",)
        assert b"secret" not in plain.heads[0]


# ---------------------------------------------------------------- names that lie


class LyingResolver(GuardedResolver):
    """A name server as an attacker would run it: the answers to each name, in turn."""

    def __init__(self, guard: AddressGuard, answers: dict[str, list[str]]) -> None:
        super().__init__(guard)
        self.answers = answers

    async def look_up(self, host: str, port: int, family: socket.AddressFamily) -> Sequence[str]:
        if host.startswith("silent"):
            await asyncio.Event().wait()
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.answers[host]


class RebindingResolver(GuardedResolver):
    """As if the check had seen another address than the one that is connected: nothing is dropped here."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [resolved(host, "127.0.0.1", port), resolved(host, "::1", port)]


@pytest_asyncio.fixture
async def newsroom() -> AsyncIterator[HostileServer]:
    async with HostileServer({"good": raw(whole())}) as running:
        yield running


NAMES = {
    "private.example": ["10.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "several.example": ["127.0.0.1", "::1", "192.168.0.1"],
    "nothing.example": [],
}
LIES = {
    "private.example": Fails(RequestRefused, "address"),
    "metadata.example": Fails(RequestRefused, "metadata"),
    "mapped.example": Fails(RequestRefused, "loopback inside IPv6"),
    "several.example": Fails(RequestRefused, "address"),
    "nothing.example": Fails(Unreachable),
    "unknown.example": Fails(Unreachable, "dns"),
    "silent.example": Fails(FetchTimeout),
}


@pytest.mark.parametrize("name", LIES)
async def test_names_resolving_to_forbidden_addresses_are_refused(newsroom: HostileServer, name: str) -> None:
    resolver = LyingResolver(AddressGuard(newsroom=f"127.0.0.1:{newsroom.port}"), NAMES)
    async with SafeFetcher(user_agent="t", limits=SHORT, resolver=resolver) as fetcher:
        try:
            outcome: Response | FetchError = await fetcher.fetch(Request(f"http://{name}/", FetchKind.FEED))
        except FetchError as error:
            outcome = error
    fault = LIES[name].fault(outcome)
    assert fault is None, fault


async def test_rebinding_between_check_and_connect_is_refused_at_the_socket(newsroom: HostileServer) -> None:
    resolver = RebindingResolver(AddressGuard())
    async with SafeFetcher(user_agent="t", limits=LIMITS, resolver=resolver) as fetcher:
        with pytest.raises(RequestRefused) as caught:
            await fetcher.fetch(Request("http://rebind.example/", FetchKind.FEED))
    assert caught.value.rule == "address"
    assert "127.0.0.1" in str(caught.value)
    assert newsroom.heads == []


async def test_the_newsroom_answers_for_test_names_only(newsroom: HostileServer) -> None:
    guard = AddressGuard(newsroom=f"127.0.0.1:{newsroom.port}")
    resolver = LyingResolver(guard, {"gazette.example": ["127.0.0.1"]})
    async with SafeFetcher(user_agent="t", limits=LIMITS, resolver=resolver, default_spacing_s=0) as fetcher:
        response = await fetcher.fetch(Request("http://gazette.test/", FetchKind.FEED))
        with pytest.raises(RequestRefused):
            await fetcher.fetch(Request("http://gazette.example/", FetchKind.FEED))
    assert response.body == FEED


async def test_silent_name_server_delays_no_other_name(newsroom: HostileServer) -> None:
    resolver = LyingResolver(AddressGuard(newsroom=f"127.0.0.1:{newsroom.port}"), {})
    patient = {kind: FetchLimits(total_s=300) for kind in FetchKind}
    async with SafeFetcher(user_agent="t", limits=patient, resolver=resolver) as fetcher:
        stuck = [
            asyncio.create_task(fetcher.fetch(Request(f"http://silent{n}.example/", FetchKind.FEED))) for n in range(50)
        ]
        response = await fetcher.fetch(Request("http://gazette.test/", FetchKind.FEED))
        assert response.status == 200
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
