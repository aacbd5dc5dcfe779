"""Bot walls by their names: the pages that protect a site from programs, told by headers and first bytes.

Promises a name only for an answer that is a refusal; a site behind the same service that answers normally has none.
Told so that an operator can ask the outlet for access; never a reason to ask again as somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REFUSALS = frozenset({202, 401, 403, 405, 406, 418, 429, 444, 498, 503, 999})
MAX_SCANNED_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Wall:
    """How one service's wall is told: any of these headers (with this in its value), or any of these bytes."""

    name: str
    headers: tuple[tuple[str, str], ...] = ()
    marks: tuple[bytes, ...] = ()


# In this order, most specific first: sites put one service behind another.
WALLS = (
    # https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/
    Wall("cloudflare", (("cf-mitigated", "challenge"),), (b"/cdn-cgi/challenge-platform/", b"cf-error-details")),
    Wall("datadome", (("x-datadome", ""), ("x-dd-b", ""), ("server", "datadome")), (b"captcha-delivery.com",)),
    Wall("perimeterx", (("x-px-blocked", ""),), (b"px-captcha", b"_pxAppId", b"px-cloud.net")),
    Wall("imperva", (("x-iinfo", ""),), (b"_Incapsula_Resource", b"Incapsula incident ID")),
    Wall("aws-waf", (("x-amzn-waf-action", ""),), (b"awsWafCookieDomainList", b".awswaf.com")),
    Wall("kasada", (("x-kpsdk-ct", ""),), (b"KPSDK",)),
    Wall("sucuri", (("x-sucuri-block", ""),), (b"Sucuri WebSite Firewall",)),
    Wall("anubis", (("set-cookie", "anubis"),), (b"Making sure you're not a bot", b"anubis_challenge")),
    Wall("akamai", (), (b"errors.edgesuite.net", b"bm-verify", b"sec-if-cpt-container")),
)


def bot_wall(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """The name of the wall that refused us, if one did."""
    if status not in REFUSALS:
        return None
    start = body[:MAX_SCANNED_BYTES]
    for wall in WALLS:
        if any(value in headers[name].lower() for name, value in wall.headers if name in headers):
            return wall.name
        if any(mark in start for mark in wall.marks):
            return wall.name
    return None
