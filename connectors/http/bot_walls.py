"""Bot walls: names the service whose page refused us, by headers and first bytes.

Promises a name only for a refusal; a normal response of a site behind the same service has none. An operator can then
ask the outlet for access. The request is never repeated under another identity.
"""

from __future__ import annotations

from collections.abc import Mapping

REFUSALS = frozenset({202, 401, 403, 405, 406, 418, 429, 444, 498, 503, 999})  # statuses that such services use
MAX_SCANNED_BYTES = 65_536  # their pages are smaller


def bot_wall(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """The name of the bot wall that refused the request, if one did."""
    if status not in REFUSALS:
        return None
    from pipeline.extraction.boilerplate.walls import service_of  # loaded by the first refusal, not by every run

    return service_of(headers, body[:MAX_SCANNED_BYTES])
