"""Every error the project raises on purpose.

    NewswireError
    ├── SettingsError          a setting is missing or wrong; names it                          never retried
    ├── CatalogueError         dags/feeds.toml cannot be used; names outlet, feed and field     never retried
    ├── FetchError             a URL could not be had; carries the URL
    │   ├── Refused            a rule of ours forbids it (address, scheme, robots); names rule and address
    │   ├── TooLarge           over a cap: wire bytes, inflated bytes, ratio
    │   ├── TooManyRedirects   loop or more hops than allowed
    │   ├── FetchTimeout           total deadline or idle limit                                     retriable
    │   ├── Unreachable        DNS, connect, TLS or protocol failure, connection cut            retriable
    │   ├── RetryAfter          the host asked us to wait (Retry-After, robots 5xx); says until  retriable
    │   └── RunDeadlineExceeded            the run's deadline passed before it was this request's turn      retriable
    ├── NotAFeed               the body is no feed; says what it is and where the feed may be
    ├── ExtractionFailed       the extraction worker died or ran out of time or memory on a page
    ├── StoreError             the database refused or is not at the expected schema revision   retriable if it was away
    └── DeliveryError          messages could not be published                                  retriable
        ├── LaneFenced         another process took the lane over: stop, it goes on there       never retried
        └── LaneLost           whether messages were sent cannot be told: needs `deliver --recover`

An error carries the feed or URL it is about and knows whether it is retriable; causes are chained with `from`.
"""

from __future__ import annotations

from datetime import datetime


class NewswireError(Exception):
    """Root of the tree. `retriable`: trying the same again later may help. `code`: the reason that consumers read."""

    code: str = "error"
    retriable: bool = False


class SettingsError(NewswireError):
    """One or several settings are missing or wrong; `faults` has a sentence for each."""

    code = "settings_error"

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class CatalogueError(NewswireError):
    """The catalogue cannot be used; `faults` has a sentence for each, naming outlet, feed and field."""

    code = "catalogue_error"

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class FetchError(NewswireError):
    """A URL could not be had."""

    code = "fetch_error"

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class RequestRefused(FetchError):
    """A rule of ours forbids this request. `rule` is a short word (address, scheme, robots, port, userinfo …)."""

    code = "refused"

    def __init__(self, url: str, rule: str, reason: str, *, address: str | None = None) -> None:
        self.rule = rule
        self.address = address
        super().__init__(url, f"refused by rule {rule}: {reason}")


class TooLarge(FetchError):
    """The body is over a cap; `cap` names it (wire_bytes, inflated_bytes, ratio)."""

    code = "too_large"

    def __init__(self, url: str, cap: str, reason: str) -> None:
        self.cap = cap
        super().__init__(url, reason)


class TooManyRedirects(FetchError):
    """A redirect loop, or more hops than allowed."""

    code = "too_many_redirects"


class FetchTimeout(FetchError):
    """The total deadline or the idle limit was reached."""

    code = "timed_out"
    retriable = True


class Unreachable(FetchError):
    """DNS, connect, TLS or protocol failure, or the connection was cut. `stage` says which."""

    code = "unreachable"
    retriable = True

    def __init__(self, url: str, stage: str, reason: str) -> None:
        self.stage = stage
        self.code = f"unreachable_{stage}"
        super().__init__(url, f"{stage}: {reason}")


class RetryAfter(FetchError):
    """The host asked us to wait: nothing was sent (or a 429/503 came back). Try again at `until` (aware, UTC)."""

    code = "host_waits"
    retriable = True

    def __init__(self, url: str, until: datetime, reason: str) -> None:
        self.until = until
        super().__init__(url, f"{reason}; waiting until {until.isoformat(timespec='seconds')}")


class RunDeadlineExceeded(FetchError):
    """The run's deadline passed before it was this request's turn: nothing was sent, the next run takes it up."""

    code = "run_ends"
    retriable = True

    def __init__(self, url: str) -> None:
        super().__init__(url, "the run ends before it is this request's turn")


class NotAFeed(NewswireError):
    """The body is no feed. `looks_like`: what it is (html, empty, json …); `alternates`: feeds that the page names."""

    code = "not_a_feed"

    def __init__(self, url: str, looks_like: str, *, alternates: tuple[str, ...] = ()) -> None:
        self.url = url
        self.looks_like = looks_like
        self.alternates = alternates
        self.hint = f"the page names these feeds: {', '.join(alternates)}" if alternates else None
        super().__init__(f"{url}: not a feed but {looks_like}{f'; {self.hint}' if self.hint else ''}")


class ExtractionFailed(NewswireError):
    """The worker died, or ran out of time or memory, on this page; the page costs itself and nothing else."""

    code = "extraction_failed"

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class StoreError(NewswireError):
    """The database refused, is away, or is not at the expected schema revision."""

    code = "store_error"

    def __init__(self, reason: str, *, retriable: bool = False) -> None:
        self.retriable = retriable
        super().__init__(reason)


class DeliveryError(NewswireError):
    """Messages could not be published; they stay in the outbox."""

    code = "delivery_error"
    retriable = True


class LaneFenced(DeliveryError):
    """Another process took this lane over: stop, the delivery goes on there."""

    code = "lane_fenced"
    retriable = False


class LaneLost(DeliveryError):
    """Whether a lane's messages were sent cannot be told: guessing would lose or repeat. `found` were sent for sure."""

    code = "lane_lost"
    retriable = False

    def __init__(self, message: str, *, found: frozenset[str] = frozenset()) -> None:
        self.found = found
        super().__init__(message)
