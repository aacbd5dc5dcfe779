"""The values that packages exchange: outlet, feed, request, response, entry, article, verdict, message.

All are frozen; times are aware and UTC; text is `str`, decoded once at the edge. A value that only one module needs is
defined there. Tested by tests/connectors/store/test_feeds.py and the tests of the packages that compute them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class ExtractRules:
    """CSS selectors of the catalogue that override what the wrapper learnt."""

    body: str | None = None
    lead: str | None = None
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletPolicy:
    """What an operator may set for an outlet; None: the setting's default."""

    min_interval_s: int | None = None
    max_interval_s: int | None = None
    min_spacing_s: float | None = None  # between two requests to one host of the outlet
    max_connections: int | None = None  # at once, per host
    revisit_after_s: tuple[int, ...] | None = None
    live_blog_min_gap_s: int | None = None
    article_number: str | None = None  # regular expression; its group 1 is the outlet's own article number in a URL
    extract: ExtractRules = field(default_factory=ExtractRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed of the catalogue. `id` is `<outlet>/<name>` and never changes, the URL may."""

    id: str
    outlet_id: str
    url: str
    section: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """A news outlet. `hosts` are the registrable domains that belong to it (its homepage's first)."""

    id: str
    name: str
    homepage: str
    country: str  # ISO 3166-1 alpha-2
    language: str  # BCP 47
    timezone: str  # IANA name: the zone of dates without one
    feeds: tuple[Feed, ...]
    hosts: tuple[str, ...] = ()
    policy: OutletPolicy = field(default_factory=OutletPolicy)
    enabled: bool = True


class FetchKind(StrEnum):
    """Kind of a request: decides the caps, and whether robots.txt is checked (pages only)."""

    FEED = "feed"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Validators:
    """HTTP validators (RFC 9110 section 8.8), kept and sent back verbatim."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One URL to fetch, with the validators of the last response if the request may be conditional."""

    url: str
    kind: FetchKind
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Redirect:
    """One hop: its status, and the URLs it leads from and to."""

    status: int
    from_url: str
    to_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A server's response, whatever its status. `body` is decompressed; `headers` keys are lower case."""

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    elapsed_s: float = 0.0
    wire_bytes: int = 0
    redirects: tuple[Redirect, ...] = ()
    peer: str | None = None  # address of the server
    truncated: bool = False  # the transfer ended early with a usable body
    notes: tuple[str, ...] = ()  # oddities that did no harm (downgrade, junk after gzip …)
    tdm_reserved: bool | None = None  # TDM reservation (header, meta or tdmrep.json); None: not given
    tdm_policy: str | None = None

    def header(self, name: str) -> str | None:
        """The value of a header, by any case."""
        return self.headers.get(name.lower())

    @property
    def validators(self) -> Validators:
        """ETag and Last-Modified, verbatim."""
        return Validators(self.header("etag"), self.header("last-modified"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRecord:
    """A response packed for the archive: one gzip member of a WARC file, and what the archive's index says of it."""

    member: bytes
    url: str
    at: datetime
    status: int
    mime: str
    digest: str


# ---------------------------------------------------------------- feed


class FeedStatus(StrEnum):
    """Status of a feed, as the desk shows it."""

    FRESH = "fresh"  # had something new within its usual silence
    QUIET = "quiet"  # responds, nothing new, within its usual silence
    SILENT = "silent"  # responds, nothing new for longer than usual
    FAILING = "failing"  # errors; backing off
    MOVED = "moved"  # a permanent redirect was adopted
    GONE = "gone"  # 410: no longer polled
    BLOCKED = "blocked"  # refuses requests (401, 403, bot wall)
    PAUSED = "paused"  # paused by an operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a feed is polled. `paused` and `interval_override_s` are set by operators only."""

    next_poll_at: datetime | None = None  # None: now
    interval_s: int = 300
    interval_override_s: int | None = None
    paused: bool = False
    last_poll_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a feed's last polls ended, and the status that the desk shows."""

    status: FeedStatus = FeedStatus.FRESH
    status_reason: str | None = None
    failures: int = 0  # in a row
    last_success_at: datetime | None = None
    last_new_entry_at: datetime | None = None
    possible_gaps: int = 0  # polls that knew no entry of the feed: some were probably missed
    gone_count: int = 0  # answers with status 410 in a row
    gone_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheState:
    """What the next conditional request sends, and whether the server's validators can be trusted."""

    validators: Validators = field(default_factory=Validators)
    body_hash: str | None = None
    last_full_at: datetime | None = None  # the last answer that was no 304
    not_modified_in_a_row: int = 0
    validators_lie: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A permanent redirect (301, 308) seen at the last polls, adopted once it is confirmed."""

    moved_to: str | None = None
    moved_count: int = 0
    moved_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """The usual silences of a feed, learnt from its history (pipeline/scheduling/silence.py)."""

    silence_s: int | None = None  # a feed is silent so long after its last new entry
    longest_gap_s: int | None = None  # three of the longest usual silences by the clock; bounds the interval
    rhythm: str | None = None  # the weekly activity profile
    lull_h: float | None = None  # three of the longest usual silences, in busy hours


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """State of one feed between polls, kept in the store; `pipeline/scheduling/feed_state.py` computes the next one.

    The fields of the groups have names of their own: those of the store's columns.
    """

    feed_id: str
    outlet_id: str
    url: str  # polled now: the catalogue's, or the adopted one after 301/308
    schedule: Schedule = field(default_factory=Schedule)
    health: Health = field(default_factory=Health)
    cache: CacheState = field(default_factory=CacheState)
    move: Move = field(default_factory=Move)
    silence: Silence = field(default_factory=Silence)

    def with_fields(self, **values: Any) -> FeedState:
        """A copy with these fields changed, each in its group."""
        groups: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            groups.setdefault(STATE_GROUPS[name], {})[name] = value
        own = groups.pop("", {})
        return replace(self, **own, **{name: replace(getattr(self, name), **new) for name, new in groups.items()})


# The group that holds each field of a feed's state; "" for the state itself.
STATE_GROUPS = dict.fromkeys(("feed_id", "outlet_id", "url"), "") | {
    member: group
    for group, members in asdict(FeedState(feed_id="", outlet_id="", url="")).items()
    if isinstance(members, dict)
    for member in members
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a feed, normalised: plain text, absolute URLs, aware dates.

    `identity` recognises it at the next poll and in the outlet's other feeds: the outlet's article number, else the
    canonical URL, else the guid, else a hash of title and summary. `digest` changes with title, summary or modified
    date, not with tracking parameters or counters.
    """

    identity: str
    digest: str
    title: str
    link: str | None = None
    guid: str | None = None
    summary: str = ""
    content: str = ""  # full text when the feed carries it (content:encoded, atom:content), as plain text
    published: datetime | None = None
    modified: datetime | None = None
    date_text: str | None = None  # as printed, because dates are often wrong
    date_in_future: bool = False
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    language: str | None = None
    image: str | None = None


def is_backfill_feed(feed_id: str) -> bool:
    """Whether a feed is a backfill's, not the catalogue's; live feeds may take over its entries."""
    return "/~" in feed_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """An entry of the store without a verdict yet. `version` grows each time the feed changes the entry."""

    id: int
    outlet_id: str
    feed_id: str
    entry: Entry
    version: int
    attempts: int
    first_seen_at: datetime
    article_id: str | None = None  # its article, when the feed changed an entry that had a verdict
    is_dead: bool = False  # its verdict was FAILED: the next verdict resolves its dead letter


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A metadata value with its source (json-ld, opengraph, dc, meta, time, byline, feed, page, url …)."""

    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedTime:
    """A time with its source; `zone_assumed`: the text had no zone, the outlet's was taken."""

    value: datetime
    source: str
    zone_assumed: bool = False
    offset_s: int = 0  # east of UTC, as printed: gives the day at the outlet


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An extracted article. `text` is published: lead first, one blank line between paragraphs, NFC."""

    url: str  # final URL as fetched
    canonical_url: str
    title: str
    text: str
    lead: str | None = None  # the chapô: also the first paragraph of `text`
    title_source: str = ""
    published: SourcedTime | None = None
    modified: SourcedTime | None = None
    authors: tuple[str, ...] = ()  # people
    author_organisations: tuple[str, ...] = ()  # agencies and desks: AFP, Reuters, "la rédaction"
    authors_source: str | None = None
    language: str | None = None  # BCP 47, detected and compared with the page's declaration
    section: str | None = None
    keywords: tuple[str, ...] = ()
    image: str | None = None
    is_accessible_for_free: bool | None = None
    is_live_blog: bool = False
    aliases: tuple[str, ...] = ()  # its other URLs on the page: AMP, mobile, og:url, shortlink
    rights: str | None = None
    extractor: str = ""  # name, version and mode, e.g. newswire-wrapper/3 franceinfo v12


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a page gave no article: a short reason (consent_wall, index_page, bot_wall, not_found …), and evidence."""

    reason: str
    detail: str = ""


class Verdict(StrEnum):
    """The end of an entry: exactly one each."""

    NEW = "new"
    REVISED = "revised"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    COPY = "copy"
    REJECTED = "rejected"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class Topic(StrEnum):
    """The topics by their names without the configured prefix (`news.` by default)."""

    ARTICLES = "articles"
    LATEST = "articles.latest"
    COPIES = "copies"
    FEEDS = "feeds"
    DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a topic, CloudEvents 1.0 in Kafka's binary mode: attributes go to `ce_*` headers.

    `value` is UTF-8 JSON by the topic's schema; None is a tombstone (compacted topics). `key` is the article id (or the
    feed id): all messages of one key are delivered in order, in one lane.
    """

    topic: Topic
    key: str
    id: str  # ce_id: unique per event, the same again when the same event is produced twice
    type: str  # ce_type: org.newswire.article.published …
    time: datetime  # ce_time
    source: str  # ce_source: the outlet's homepage or the feed's URL
    subject: str  # ce_subject: the article's URL
    schema: str  # ce_dataschema: article.v1.json …
    value: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message as a consumer reads it, from Kafka or from the embedded log."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Mapping[str, str]
    value: bytes | None
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A message in the outbox, delivered or not. `id` grows in order of commit within a lane."""

    id: int
    lane: int
    message: Message
    created_at: datetime
    batch: int | None = None
    delivered_at: datetime | None = None
