"""Messages between the pool and its worker processes: MessagePack of declared types, in both directions.

A worker parses hostile pages. What it sends back is decoded as plain data of these types and nothing else. So a worker
that was taken over can run no code in the parent. Tested by tests/connectors/workers/test_pool.py.
"""

from __future__ import annotations

import msgspec

from pipeline.dedup.fingerprint import Fingerprint
from pipeline.feeds.parse import FeedInput, NoFeed, ParsedFeed
from pipeline.ingest.page_reading import PageReading, PageTask


class ReadPage(msgspec.Struct, tag=True, frozen=True):
    """Read a page by its outlet's wrapper: the JSON of a new one, or the one that the worker was sent before."""

    task: PageTask
    has_wrapper: bool = False
    wrapper: str | None = None
    forget: bool = False  # the wrappers sent so far


class ReadFeed(msgspec.Struct, tag=True, frozen=True):
    """Parse a feed."""

    given: FeedInput


class ComputeFingerprint(msgspec.Struct, tag=True, frozen=True):
    """Compute the fingerprint of a text without the paragraphs that its host repeats."""

    title: str
    text: str
    repeated: frozenset[int]


class Answer(msgspec.Struct, frozen=True):
    """The result of a call; else a failure, after which a worker without memory ends."""

    page: PageReading | None = None
    feed: ParsedFeed | None = None
    no_feed: NoFeed | None = None
    fingerprint: Fingerprint | None = None
    failure: str = ""
    is_out_of_memory: bool = False


READY = b"ready"  # the first message of a worker

Call = ReadPage | ReadFeed | ComputeFingerprint

ENCODER = msgspec.msgpack.Encoder()
CALLS: msgspec.msgpack.Decoder[Call] = msgspec.msgpack.Decoder(Call)
ANSWERS = msgspec.msgpack.Decoder(Answer)
