"""Every setting, once: name, default, unit and what it is for.

`load(environment)` turns `NEWSWIRE_*` variables into `Settings` and reports all faults together. Nobody else reads the
environment: `pipeline/app/runs.py` hands it in. `describe()` is the table that `newswire check --settings` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pipeline.domain.errors import SettingsError

PREFIX = "NEWSWIRE_"

T = TypeVar("T")  # Python 3.11 is supported: no def f[T] yet


def setting(
    default: T, sentence: str, *, secret: bool = False, least: float | None = None, most: float | None = None
) -> T:
    """A field of `Settings`: its default, its sentence, whether it must never be shown, and its bounds."""
    return field(default=default, metadata={"sentence": sentence, "secret": secret, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment may choose. Units stand in the names (`_s` seconds, `_mb` megabytes, `_days`)."""

    home: Path = setting(Path("var/newswire"), "Folder of the SQLite database and the archive of raw pages.")
    catalogue: Path = setting(Path("dags/feeds.toml"), "The outlets and feeds to poll.")
    deployment: str = setting("default", "Name of this deployment: part of transactional ids and consumer groups.")
    database_url: str = setting("", "SQLAlchemy URL of the store; empty: SQLite in the home folder.", secret=True)
    contact: str = setting("", "Address or URL in the User-Agent, so that outlets can reach you.")

    kafka_bootstrap: str = setting("", "Kafka brokers, host:port[,host:port]; empty: the outbox is the topic log.")
    topic_prefix: str = setting("news.", "What stands before every topic's name.")
    topic_partitions: int = setting(6, "Partitions of each topic, when `newswire topics create` makes it.", least=1)
    topic_replication: int = setting(1, "Replication factor of each topic, when it is made.", least=1)
    lanes: int = setting(8, "Lanes of the outbox: how many deliveries may run side by side.", least=1)
    compression: str = setting("zstd", "Compression of messages on Kafka: none, gzip, lz4, zstd.")
    kafka_security: str = setting("PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.")
    kafka_sasl_mechanism: str = setting("", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.")
    kafka_username: str = setting("", "SASL user.")
    kafka_password: str = setting("", "SASL password.", secret=True)
    kafka_ca_file: str = setting("", "CA certificate of the brokers (PEM).")
    kafka_cert_file: str = setting("", "Client certificate for mTLS (PEM).")
    kafka_key_file: str = setting("", "Client key for mTLS (PEM).")
    schema_registry_url: str = setting(
        "", "Schema registry (Confluent's protocol): values are framed; empty: plain JSON."
    )
    schema_registry_username: str = setting("", "Its user, for basic authentication.")
    schema_registry_password: str = setting("", "Its password.", secret=True)
    batch_rows: int = setting(2_000, "Most messages in one Kafka transaction of a lane.", least=1)
    batch_bytes: int = setting(16_000_000, "Most bytes in one Kafka transaction of a lane.", least=1)
    delivery_timeout_s: float = setting(
        30.0,
        "Seconds a transaction's messages may take; the broker ends one after twice as long, and a lane whose holder"
        " stands still is taken over after four times as long.",
        least=1,
        most=400,
    )
    outbox_bound: int = setting(
        200_000, "Undelivered messages above which no feed is polled, also within a run.", least=1
    )

    every_minutes: int = setting(5, "Minutes between two runs of the DAG news_ingest.", least=1, most=15)
    shards: int = setting(
        4, "Shards of a run of news_ingest, at most: about as many as there are task slots.", least=1, most=64
    )
    interval_s: int = setting(300, "A feed's first polling interval.", least=1)
    min_interval_s: int = setting(60, "Never poll a feed oftener than this.", least=0)
    max_interval_s: int = setting(21_600, "Poll every healthy feed at least this often.", least=60)
    concurrency: int = setting(64, "Requests under way at once in one process.", least=1)
    host_connections: int = setting(2, "Requests under way at once to one host.", least=1)
    host_spacing_s: float = setting(1.0, "Seconds between the starts of two requests to one host.", least=0)
    feed_timeout_s: float = setting(20.0, "Total deadline of a feed request.", least=0.1)
    page_timeout_s: float = setting(30.0, "Total deadline of a page request.", least=0.1)
    revisit_after_s: tuple[int, ...] = setting(
        (900, 3600, 21_600, 86_400, 259_200), "Ages at which an article is looked at again; 0 alone: never."
    )
    revisits_per_run: int = setting(300, "Articles looked at again in one run of a shard, at most.", least=0)
    revisits_per_host: int = setting(20, "Of them, at most so many of one host.", least=0)
    obey_robots: bool = setting(True, "Ask robots.txt before fetching a page (RFC 9309).")
    max_attempts: int = setting(5, "Tries to collect an entry before it is FAILED and a dead letter.", least=1)
    retry_s: int = setting(300, "Wait before an entry's second try; doubles each time, at most a day.", least=0)

    extract_processes: int = setting(2, "Worker processes that extract pages.", least=1)
    extract_timeout_s: float = setting(15.0, "CPU and wall seconds a page may take in its worker.", least=0.1)
    extract_memory_mb: int = setting(1024, "Address space a page may take in its worker.", least=256)

    copies: str = setting("topic", "Copies of other outlets' articles: topic (news.copies), annotate or drop.")
    outbox_days: int = setting(7, "Days that delivered messages stay in the outbox (embedded log: retention).", least=1)
    polls_days: int = setting(30, "Days that polls and reports are kept for the desk.", least=1)
    entries_days: int = setting(90, "Days that a settled entry is remembered after it left its feed.", least=7)
    archive_days: int = setting(90, "Days that raw pages are kept.", least=1)

    newsroom: str = setting("", "Test only: host:port on loopback that serves every host under .test (RFC 6761).")
    crash_at: str = setting(
        "", "Test only: the process kills itself at this named point (pipeline/domain/fault_injection.py)."
    )

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'newswire.db'}"

    @property
    def archive_folder(self) -> Path:
        """Where raw pages are kept."""
        return self.home / "archive"


CHOICES: Mapping[str, tuple[str, ...]] = {
    "compression": ("none", "gzip", "lz4", "zstd"),
    "copies": ("topic", "annotate", "drop"),
    "kafka_security": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
}


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting as a person reads it."""

    name: str
    value: str
    default: str
    sentence: str


def load(environment: Mapping[str, str]) -> Settings:
    """The settings that these variables make. Raises `SettingsError` with every fault at once."""
    known = {PREFIX + f.name.upper(): f for f in fields(Settings)}
    faults: list[str] = []
    values: dict[str, object] = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            near = get_close_matches(name, known, n=1)
            faults.append(f"{name} is no setting of newswire" + (f"; did you mean {near[0]}?" if near else ""))
            continue
        try:
            values[known[name].name] = parse(known[name], text)
        except ValueError as error:
            faults.append(f"{name}={text!r}: {error}")
    if faults:
        raise SettingsError(*faults)
    return Settings(**values)  # type: ignore[arg-type] # parse() made each value of its field's type


def parse(setting_field: Field[object], text: str) -> object:
    """The value that a variable's text means for this setting. Raises ValueError with the reason."""
    if isinstance(setting_field.default, bool):
        return parse_bool(text)
    if isinstance(setting_field.default, tuple):
        return parse_numbers(text)
    kind: Any = type(setting_field.default)  # int, float, str and Path take a text
    value: Any = kind(text.strip())
    least = setting_field.metadata["least"]
    if least is not None and value < least:
        raise ValueError(f"must be at least {least:g}")
    most = setting_field.metadata["most"]
    if most is not None and value > most:
        raise ValueError(f"must be at most {most:g}")
    choices = CHOICES.get(setting_field.name)
    if choices and value not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}")
    return value


def parse_numbers(text: str) -> tuple[int, ...]:
    """`900,3600`: whole numbers, none negative."""
    numbers = tuple(int(word) for word in text.split(","))
    if min(numbers) < 0:
        raise ValueError("must not be negative")
    return numbers


def parse_bool(text: str) -> bool:
    """yes/true/1/on and no/false/0/off."""
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")


def in_words(value: object) -> str:
    """A value as it may be set."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def describe(settings: Settings) -> tuple[SettingRow, ...]:
    """Every setting with its value in force; secrets are shown as ***."""
    return tuple(
        SettingRow(
            name=PREFIX + f.name.upper(),
            value="***" if f.metadata["secret"] and getattr(settings, f.name) else in_words(getattr(settings, f.name)),
            default=in_words(f.default),
            sentence=f.metadata["sentence"],
        )
        for f in fields(Settings)
    )
