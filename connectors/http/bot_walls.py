"""Bot walls: names the service whose page refused us, by headers and first bytes.

Promises a name only for a refusal; a normal response of a site behind the same service has none. An operator can then
ask the outlet for access. The request is never repeated under another identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REFUSALS = frozenset({202, 401, 403, 405, 406, 418, 429, 444, 498, 503, 999})  # statuses that such services use
MAX_SCANNED_BYTES = 65_536  # their pages are smaller


@dataclass(frozen=True, slots=True)
class BotWall:
    """The marks of one service's wall: any of these headers (with this in its value), or any of these bytes."""

    name: str
    headers: tuple[tuple[str, str], ...] = ()
    marks: tuple[bytes, ...] = ()


# Most specific first: sites put one service behind another.
WALLS = (
    # https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/
    BotWall("cloudflare", (("cf-mitigated", "challenge"),), (b"/cdn-cgi/challenge-platform/", b"cf-error-details")),
    BotWall("datadome", (("x-datadome", ""), ("x-dd-b", ""), ("server", "datadome")), (b"captcha-delivery.com",)),
    BotWall("perimeterx", (("x-px-blocked", ""),), (b"px-captcha", b"_pxAppId", b"px-cloud.net")),
    BotWall("imperva", (("x-iinfo", ""),), (b"_Incapsula_Resource", b"Incapsula incident ID")),
    BotWall("aws-waf", (("x-amzn-waf-action", ""),), (b"awsWafCookieDomainList", b".awswaf.com")),
    BotWall("kasada", (("x-kpsdk-ct", ""),), (b"KPSDK",)),
    BotWall("sucuri", (("x-sucuri-block", ""),), (b"Sucuri WebSite Firewall",)),
    BotWall("anubis", (("set-cookie", "anubis"),), (b"Making sure you're not a bot", b"anubis_challenge")),
    BotWall("akamai", (), (b"errors.edgesuite.net", b"bm-verify", b"sec-if-cpt-container")),
)


def bot_wall(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """The name of the bot wall that refused the request, if one did."""
    if status not in REFUSALS:
        return None
    start = body[:MAX_SCANNED_BYTES]
    for wall in WALLS:
        by_header = any(value in headers[name].lower() for name, value in wall.headers if name in headers)
        if by_header or any(mark in start for mark in wall.marks):
            return wall.name
    return None
