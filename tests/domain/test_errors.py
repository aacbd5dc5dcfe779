"""Errors have a stable reason that consumers read, whatever their class is called, and know whether to retry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.domain import errors

URL = "https://a.test/"


@pytest.mark.parametrize(
    ("error", "code", "retriable"),
    [
        (errors.RequestRefused(URL, "robots", "no"), "refused", False),
        (errors.TooLarge(URL, "no"), "too_large", False),
        (errors.TooManyRedirects(URL, "no"), "too_many_redirects", False),
        (errors.FetchTimeout(URL, "no"), "timed_out", True),
        (errors.Unreachable(URL, "dns", "no"), "unreachable_dns", True),
        (errors.RetryAfter(URL, datetime(2026, 1, 1, tzinfo=UTC), "429"), "host_waits", True),
        (errors.RunDeadlineExceeded(URL), "run_ends", True),
        (errors.NotAFeed(URL, "html"), "not_a_feed", False),
        (errors.ExtractionFailed(URL, "no"), "extraction_failed", False),
        (errors.StoreError("away", retriable=True), "error", True),
        (errors.DeliveryError("away"), "error", True),
        (errors.LaneFenced("taken"), "error", False),
        (errors.LaneLost("unknown"), "error", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_has_its_reason_and_knows_whether_to_retry(
    error: errors.NewswireError, code: str, retriable: bool
) -> None:
    assert (error.code, error.retriable) == (code, retriable)


def test_every_kind_of_error_is_drawn_in_the_tree() -> None:
    def kinds(kind: type[errors.NewswireError]) -> set[str]:
        return {kind.__name__}.union(
            *(kinds(sub) for sub in kind.__subclasses__() if sub.__module__ == kind.__module__)
        )

    assert all(f" {name} " in errors.__doc__.replace("\n", " ") for name in kinds(errors.NewswireError))
