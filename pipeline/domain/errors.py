"""Errors: the tree of those that the project raises on purpose.

    NewswireError
    ├── SettingsError             a setting is missing or wrong; names it                            never retried
    ├── CatalogueError            dags/feeds.toml cannot be used; names outlet, feed and field       never retried
    ├── FetchError                a URL could not be fetched; carries the URL
    │   ├── RequestRefused        a rule of ours forbids it (address, scheme, robots); names rule and address
    │   ├── TooLarge              over a cap: wire bytes, inflated bytes, ratio
    │   ├── TooManyRedirects      loop or more hops than allowed
    │   ├── FetchTimeout          total deadline or idle limit                                       retriable
    │   ├── Unreachable           DNS, connect, TLS or protocol failure, connection cut              retriable
    │   ├── RetryAfter            the host must be left alone (Retry-After, robots 5xx); until when  retriable
    │   └── RunDeadlineExceeded   the run's deadline passed before the request was sent              retriable
    ├── NotAFeed                  the body is no feed; what it is, and where the feed may be
    ├── ExtractionFailed          the extraction worker died or ran out of time or memory on a page
    ├── StoreError                the database refused or is not at the expected schema revision     retriable if away
    └── DeliveryError             messages could not be published                                    retriable
        ├── LaneFenced            another process took the lane over and delivers it                 never retried
        └── LaneLost              unknown whether messages were sent: needs `deliver --recover`

An error carries the feed or URL it is about and knows whether it is retriable; causes are chained with `from`.
"""

from __future__ import annotations

from datetime import datetime


class NewswireError(Exception):
    """Root of the tree. `retriable`: trying again later may help. `code`: the reason in reports and messages."""

    code = "error"
    retriable = False

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))

    def __init_subclass__(cls, code: str | None = None, retriable: bool | None = None) -> None:
        cls.code = code or cls.code
        cls.retriable = cls.retriable if retriable is None else retriable


class SettingsError(NewswireError):
    """One or several settings are missing or wrong; `faults` has a sentence for each."""


class CatalogueError(NewswireError):
    """The catalogue cannot be used; `faults` has a sentence for each, naming outlet, feed and field."""


class FetchError(NewswireError, code="fetch_error"):
    """A URL could not be fetched."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class RequestRefused(FetchError, code="refused"):
    """A rule of ours forbids this request. `rule` is a short word (address, scheme, robots, port, userinfo …)."""

    def __init__(self, url: str, rule: str, reason: str) -> None:
        self.rule = rule
        super().__init__(url, f"refused by rule {rule}: {reason}")


class TooLarge(FetchError, code="too_large"):
    """The body is over a limit of its bytes, as sent or decompressed."""


class TooManyRedirects(FetchError, code="too_many_redirects"):
    """A redirect loop, or more hops than allowed."""


class FetchTimeout(FetchError, code="timed_out", retriable=True):
    """The total deadline or the idle limit was reached."""


class Unreachable(FetchError, code="unreachable", retriable=True):
    """DNS, connect, TLS or protocol failure, or the connection was cut. `stage` names which, also in `code`."""

    def __init__(self, url: str, stage: str, reason: str) -> None:
        self.stage = stage
        self.code = f"unreachable_{stage}"
        super().__init__(url, f"{stage}: {reason}")


class RetryAfter(FetchError, code="host_waits", retriable=True):
    """The host must be left alone until `until` (aware, UTC): nothing was sent, or a 429 or 503 came back."""

    def __init__(self, url: str, until: datetime, reason: str) -> None:
        self.until = until
        super().__init__(url, f"{reason}; waiting until {until.isoformat(timespec='seconds')}")


class RunDeadlineExceeded(FetchError, code="run_ends", retriable=True):
    """The run's deadline passed before this request was sent; the next run takes it up."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "the run ends before this request is sent")


class NotAFeed(NewswireError, code="not_a_feed"):
    """The body is no feed. `looks_like`: what it is (html, empty, json …); `alternates`: feeds that a page links."""

    def __init__(self, url: str, looks_like: str, *, alternates: tuple[str, ...] = ()) -> None:
        self.url = url
        self.looks_like = looks_like
        self.alternates = alternates
        self.hint = f"the page names these feeds: {', '.join(alternates)}" if alternates else None
        super().__init__(f"{url}: not a feed but {looks_like}{f'; {self.hint}' if self.hint else ''}")


class ExtractionFailed(NewswireError, code="extraction_failed"):
    """The worker died, or ran out of time or memory, on this page; the page is counted, everything else continues."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class StoreError(NewswireError):
    """The database refused, is away, or is not at the expected schema revision."""

    def __init__(self, reason: str, *, retriable: bool = False) -> None:
        self.retriable = retriable
        super().__init__(reason)


class DeliveryError(NewswireError, retriable=True):
    """Messages could not be published; they stay in the outbox."""


class LaneFenced(DeliveryError, retriable=False):
    """Another process took this lane over and delivers it: stop here."""


class LaneLost(DeliveryError, retriable=False):
    """It is unknown whether a lane's messages were sent: a guess would lose or repeat some. `found` were sent."""

    def __init__(self, message: str, *, found: frozenset[str] = frozenset()) -> None:
        self.found = found
        super().__init__(message)
