"""The values that cross room borders, one per noun of the walk.

All are frozen; times are aware and UTC; text is `str`, decoded once at the edge. What only one room needs lives there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# ---------------------------------------------------------------- catalogue


@dataclass(frozen=True, slots=True)
class ExtractRules:
    """A hand-written rule of the catalogue that overrides what the wrapper learnt: CSS selectors."""

    body: str | None = None
    lead: str | None = None
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletPolicy:
    """What an operator may set per outlet; None means the setting's default. Seconds throughout."""

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
    timezone: str  # IANA name: the zone of dates that name none
    feeds: tuple[Feed, ...]
    hosts: tuple[str, ...] = ()
    policy: OutletPolicy = field(default_factory=OutletPolicy)
    enabled: bool = True


# ---------------------------------------------------------------- fetch


class FetchKind(StrEnum):
    """What is fetched decides the caps and whether robots.txt is asked (pages only)."""

    FEED = "feed"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave us to ask again with (RFC 9110 section 8.8): kept and sent back to the letter."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One URL to get, with the validators of the last answer if the request may be conditional."""

    url: str
    kind: FetchKind
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Redirect:
    """One hop: the status that sent us on, and where from and to."""

    status: int
    from_url: str
    to_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a server answered, whatever the status. `body` is inflated; `headers` keys are lower case."""

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    elapsed_s: float = 0.0
    wire_bytes: int = 0
    redirects: tuple[Redirect, ...] = ()
    peer: str | None = None  # the address we were connected to
    truncated: bool = False  # the transfer ended early but gave something usable
    notes: tuple[str, ...] = ()  # what was odd and survived (downgrade, junk after gzip …)
    tdm_reserved: bool | None = None  # TDM reservation (header, meta or tdmrep.json); None: nothing said
    tdm_policy: str | None = None

    def header(self, name: str) -> str | None:
        """The value of a header, by any case."""
        return self.headers.get(name.lower())

    @property
    def validators(self) -> Validators:
        """ETag and Last-Modified, verbatim."""
        return Validators(self.header("etag"), self.header("last-modified"))


# ---------------------------------------------------------------- feed


class FeedStatus(StrEnum):
    """The desk's words for a feed."""

    FRESH = "fresh"  # brought something within its usual silence
    QUIET = "quiet"  # answers, nothing new, within what its history allows
    SILENT = "silent"  # answers, nothing new for longer than its history allows
    FAILING = "failing"  # errors; backing off
    MOVED = "moved"  # a permanent redirect was adopted
    GONE = "gone"  # 410: polled no more
    BLOCKED = "blocked"  # refuses us (401, 403, bot wall)
    PAUSED = "paused"  # an operator switched it off


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What happened to a feed so far, kept in the store; `pipeline/scheduling/feed_state.py` computes the next one."""

    feed_id: str
    outlet_id: str
    url: str  # where it is polled now: the catalogue's, or the adopted one after 301/308
    validators: Validators = field(default_factory=Validators)
    body_hash: str | None = None
    status: FeedStatus = FeedStatus.FRESH
    status_reason: str | None = None
    next_poll_at: datetime | None = None  # None: now
    interval_s: int = 300
    failures: int = 0
    last_poll_at: datetime | None = None
    last_success_at: datetime | None = None
    last_full_at: datetime | None = None  # the last answer that was no 304
    last_new_entry_at: datetime | None = None
    silence_s: int | None = None  # learnt: how long after its last new entry it is called silent
    longest_gap_s: int | None = None  # three of the longest usual gaps by the clock: its interval goes by it
    rhythm: str | None = None  # when in the week it brings something (pipeline/scheduling/rhythm.py)
    lull_h: float | None = None  # three of its longest usual silences, in hours that usually bring something
    not_modified_in_a_row: int = 0
    validators_lie: bool = False
    moved_to: str | None = None
    moved_count: int = 0
    moved_since: datetime | None = None
    gone_count: int = 0
    gone_since: datetime | None = None
    possible_gaps: int = 0
    paused: bool = False
    interval_override_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as a feed shows it, understood: plain text, absolute URLs, aware dates.

    `identity` makes it the same entry at the next poll and in the outlet's other feeds: the outlet's article number,
    else the canonical URL, else the guid, else a hash of title and summary. `digest` changes when what the feed says of
    the article changes (title, summary, modified date), and does not change for tracking or counters.
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
    date_text: str | None = None  # as printed, kept because dates are so often wrong
    date_in_future: bool = False
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    language: str | None = None
    image: str | None = None


def is_backfill_feed(feed_id: str) -> bool:
    """Whether a feed is none of the catalogue's but that of a backfill, whose entries live feeds may take over."""
    return "/~" in feed_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """An entry of the store that waits for its verdict. `sighting` grows each time the feed changed its words."""

    id: int
    outlet_id: str
    feed_id: str
    entry: Entry
    sighting: int
    attempts: int
    first_seen_at: datetime
    article_id: str | None = None  # the article it led to before, when the feed changed an entry already settled
    is_dead: bool = False  # its verdict was FAILED: a dead letter tells of it, and is resolved by the next verdict


# ---------------------------------------------------------------- article


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A metadata value with where it was read (json-ld, opengraph, dc, meta, time, byline, feed, page, url …)."""

    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedTime:
    """A moment with where it was read; `zone_assumed`: the text named no zone, the outlet's was taken."""

    value: datetime
    source: str
    zone_assumed: bool = False
    offset_s: int = 0  # east of UTC: the clock the outlet printed it by, so that its day can be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What the page says, clean. `text` is what is published: lead first, one blank line between paragraphs, NFC."""

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
    language: str | None = None  # BCP 47, detected and checked against what the page says
    section: str | None = None
    keywords: tuple[str, ...] = ()
    image: str | None = None
    is_accessible_for_free: bool | None = None
    is_live_blog: bool = False
    aliases: tuple[str, ...] = ()  # every other URL of it that the page names: AMP, mobile, og:url, shortlink
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


# ---------------------------------------------------------------- message


class Topic(StrEnum):
    """The topics by their short names; the configured prefix stands before them (`news.` by default)."""

    ARTICLES = "articles"
    LATEST = "articles.latest"
    COPIES = "copies"
    FEEDS = "feeds"
    DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a topic, CloudEvents 1.0 in Kafka's binary mode: attributes go to `ce_*` headers.

    `value` is UTF-8 JSON after the topic's schema; None is a tombstone (compacted topics). `key` is the article id (or
    the feed id): all messages of one key are delivered in order, in one lane.
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
    """A message as a reader of a topic gets it, from Kafka or from the embedded log."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Mapping[str, str]
    value: bytes | None
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A message waiting in, or kept by, the outbox. `id` grows in order of commit within a lane."""

    id: int
    lane: int
    message: Message
    created_at: datetime
    batch: int | None = None
    delivered_at: datetime | None = None
