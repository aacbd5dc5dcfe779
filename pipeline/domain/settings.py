"""Every setting, once: name, default, unit, bounds and what it is for.

`load` turns `NEWSWIRE_*` variables into `Settings` and reports all faults together. A variable with the suffix `_FILE`
names a file that holds the value, as Docker's secrets do. `describe` is the table that `newswire check --settings`
prints. Reading the environment and the files is left to pipeline/app/environment.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, JsonValue, NonNegativeInt, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.domain.errors import SettingsError

PREFIX = "NEWSWIRE_"
SECRET: dict[str, JsonValue] = {"secret": True}  # marks a field of which no value is ever shown

# pydantic's kinds of faults in our words; any other is quoted as pydantic says it
REASONS: Mapping[str, str] = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be one of {choices}",
}


def setting(
    default: Any,
    sentence: str,
    *,
    least: float | None = None,
    most: float | None = None,
    variable: str | None = None,
    secret: bool = False,
) -> Any:
    """A setting: its default, its sentence, its bounds, its variable if that is not the group's prefix and its name."""
    return Field(
        default,
        description=sentence,
        ge=least,
        le=most,
        validation_alias=variable and PREFIX + variable,
        repr=not secret,
        json_schema_extra=SECRET if secret else None,
    )


class SettingGroup(BaseSettings):
    """Settings that belong together; immutable. `env_prefix` is what their variables begin with."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_by_name=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments: the process's environment is read by `load` alone."""
        return (init_settings,)


class KafkaOptions(SettingGroup, env_prefix="NEWSWIRE_KAFKA_"):
    bootstrap: str = setting("", "Kafka brokers, host:port[,host:port]; empty: the outbox is the topic log.")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    sasl_mechanism: str = setting("", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.")
    username: str = setting("", "SASL user.")
    password: str = setting("", "SASL password.", secret=True)
    ca_file: str = setting("", "CA certificate of the brokers (PEM).")
    cert_file: str = setting("", "Client certificate for mTLS (PEM).")
    key_file: str = setting("", "Client key for mTLS (PEM).")


class TopicOptions(SettingGroup, env_prefix="NEWSWIRE_TOPIC_"):
    prefix: str = setting("news.", "Prefix of every topic's name.")
    partitions: int = setting(6, "Partitions of each topic, when `newswire topics create` makes it.", least=1)
    replication: int = setting(1, "Replication factor of each topic, when it is made.", least=1)


class SchemaRegistryOptions(SettingGroup, env_prefix="NEWSWIRE_SCHEMA_REGISTRY_"):
    url: str = setting("", "Schema registry (Confluent's protocol): values are framed; empty: plain JSON.")
    username: str = setting("", "User of the schema registry, for basic authentication.")
    password: str = setting("", "Password of the schema registry.", secret=True)


class DeliveryOptions(SettingGroup):
    lanes: int = setting(8, "Lanes of the outbox: how many deliveries may run in parallel.", least=1)
    compression: Literal["none", "gzip", "lz4", "zstd"] = setting(
        "zstd", "Compression of messages on Kafka: none, gzip, lz4, zstd."
    )
    batch_rows: int = setting(2_000, "Most messages in one Kafka transaction of a lane.", least=1)
    batch_bytes: int = setting(16_000_000, "Most bytes in one Kafka transaction of a lane.", least=1)
    timeout_s: float = setting(
        30.0,
        "Seconds a transaction's messages may take. The broker ends a transaction after twice as long; a stalled lane"
        " is taken over after four times as long.",
        least=1,
        most=400,
        variable="DELIVERY_TIMEOUT_S",
    )
    outbox_bound: int = setting(
        200_000, "Undelivered messages above which no feed is polled, also within a run.", least=1
    )


class ScheduleOptions(SettingGroup):
    every_minutes: int = setting(5, "Minutes between two runs of the DAG news_ingest.", least=1, most=15)
    shards: int = setting(
        4, "Shards of a run of news_ingest, at most: about as many as there are task slots.", least=1, most=64
    )


class PollingOptions(SettingGroup):
    interval_s: int = setting(300, "A feed's first polling interval.", least=1)
    min_interval_s: int = setting(60, "Never poll a feed more often than this.", least=0)
    max_interval_s: int = setting(21_600, "Poll every healthy feed at least this often.", least=60)


class HttpOptions(SettingGroup):
    concurrency: int = setting(64, "Requests under way at once in one process.", least=1)
    host_connections: int = setting(2, "Requests under way at once to one host.", least=1)
    host_spacing_s: float = setting(1.0, "Seconds between the starts of two requests to one host.", least=0)
    feed_timeout_s: float = setting(20.0, "Total deadline of a feed request.", least=0.1)
    page_timeout_s: float = setting(30.0, "Total deadline of a page request.", least=0.1)
    obey_robots: bool = setting(True, "Check robots.txt before fetching a page (RFC 9309).")


def split_numbers(value: object) -> object:
    """`900,3600` as its numbers."""
    return value.split(",") if isinstance(value, str) else value


class RevisitOptions(SettingGroup):
    after_s: Annotated[tuple[NonNegativeInt, ...], NoDecode, BeforeValidator(split_numbers)] = setting(
        (900, 3600, 21_600, 86_400, 259_200),
        "Ages at which an article is fetched again; 0 alone: never.",
        variable="REVISIT_AFTER_S",
    )
    per_run: int = setting(
        300, "Articles fetched again in one run of a shard, at most.", least=0, variable="REVISITS_PER_RUN"
    )
    per_host: int = setting(
        20, "Articles of one host fetched again in one run, at most.", least=0, variable="REVISITS_PER_HOST"
    )


class RetryOptions(SettingGroup):
    max_attempts: int = setting(5, "Attempts to collect an entry before it is FAILED and a dead letter.", least=1)
    wait_s: int = setting(
        300, "Wait before an entry's second attempt; doubles each time, at most a day.", least=0, variable="RETRY_S"
    )


class ExtractionOptions(SettingGroup, env_prefix="NEWSWIRE_EXTRACT_"):
    processes: int = setting(2, "Worker processes that extract pages.", least=1)
    timeout_s: float = setting(15.0, "CPU and wall seconds a page may take in its worker.", least=0.1)
    memory_mb: int = setting(1024, "Address space a page may take in its worker.", least=256)


class RetentionOptions(SettingGroup):
    outbox_days: int = setting(7, "Days that delivered messages stay in the outbox (embedded log: retention).", least=1)
    polls_days: int = setting(30, "Days that polls and reports are kept for the desk.", least=1)
    entries_days: int = setting(90, "Days that a settled entry is remembered after it left its feed.", least=7)
    archive_days: int = setting(90, "Days that raw pages are kept.", least=1)


class LogOptions(SettingGroup, env_prefix="NEWSWIRE_LOG_"):
    format: Literal["auto", "console", "json"] = setting(
        "auto", "Form of log lines: console, json, or auto (console at a terminal, else json)."
    )
    level: Literal["auto", "debug", "info", "warning", "error"] = setting(
        "auto", "Least level of log lines: debug, info, warning, error; auto: warning at a terminal, else info."
    )


class TestOptions(SettingGroup):
    """For tests only."""

    __test__ = False  # pytest would collect it by its name

    newsroom: str = setting("", "Test only: host:port on loopback that serves every host under .test (RFC 6761).")
    crash_at: str = setting(
        "", "Test only: the process kills itself at this named point (pipeline/domain/fault_injection.py)."
    )


class Settings(SettingGroup):
    """What a deployment may choose. Units are part of the names (`_s` seconds, `_mb` megabytes, `_days`)."""

    home: Path = setting(Path("var/newswire"), "Folder of the SQLite database and the archive of raw pages.")
    catalogue: Path = setting(Path("dags/feeds.toml"), "The outlets and feeds to poll.")
    deployment: str = setting("default", "Name of this deployment: part of transactional ids and consumer groups.")
    database_url: str = setting("", "SQLAlchemy URL of the store; empty: SQLite in the home folder.", secret=True)
    contact: str = setting("", "Address or URL in the User-Agent, so that outlets can reach you.")
    copies: Literal["topic", "annotate", "drop"] = setting(
        "topic", "Copies of other outlets' articles: topic (news.copies), annotate or drop."
    )

    kafka: KafkaOptions = KafkaOptions()
    topics: TopicOptions = TopicOptions()
    schema_registry: SchemaRegistryOptions = SchemaRegistryOptions()
    delivery: DeliveryOptions = DeliveryOptions()
    schedule: ScheduleOptions = ScheduleOptions()
    polling: PollingOptions = PollingOptions()
    http: HttpOptions = HttpOptions()
    revisits: RevisitOptions = RevisitOptions()
    retry: RetryOptions = RetryOptions()
    extraction: ExtractionOptions = ExtractionOptions()
    retention: RetentionOptions = RetentionOptions()
    logs: LogOptions = LogOptions()
    testing: TestOptions = TestOptions()

    def updated(self, **changes: Any) -> Self:
        """These settings with other values, which are not checked: `updated(http={"concurrency": 4})`."""
        groups = {name: getattr(self, name).model_copy(update=new) for name, new in changes.items() if name in GROUPS}
        return self.model_copy(update=changes | groups)

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'newswire.db'}"

    @property
    def archive_folder(self) -> Path:
        return self.home / "archive"


class SettingRow(NamedTuple):
    """A setting as a person reads it."""

    name: str
    value: str
    default: str
    sentence: str


GROUPS: Mapping[str, type[SettingGroup]] = {"": Settings} | {
    name: type(info.default) for name, info in Settings.model_fields.items() if isinstance(info.default, SettingGroup)
}


def variable_name(group: str, key: str) -> str:
    """The variable of a group's field, which may be given by its alias."""
    return key if key.startswith(PREFIX) else f"{GROUPS[group].model_config['env_prefix']}{key}".upper()


# Each variable's group ("" for `Settings` itself) and its field there.
VARIABLES: Mapping[str, tuple[str, str, FieldInfo]] = {
    variable_name(group, str(info.validation_alias or field)): (group, field, info)
    for group, settings in GROUPS.items()
    for field, info in settings.model_fields.items()
    if field not in GROUPS
}


def load(environment: Mapping[str, str], read_file: Callable[[str], str] | None = None) -> Settings:
    """The settings that these variables make. Raises `SettingsError` with every fault at once.

    `read_file` gives the content of a file that a variable with the suffix `_FILE` names; it may raise OSError.
    """
    faults: list[str] = []
    values: dict[str, str] = {}
    for name in environment:
        try:
            values.update(resolve(name, environment, read_file))
        except ValueError as error:
            faults.append(str(error))
    try:
        groups = {group: read_group(kind, values) for group, kind in GROUPS.items()}
        settings = Settings.model_validate(groups.pop("") | groups)
    except ValidationError as error:
        raise SettingsError(*faults, *map(describe_fault, error.errors())) from None  # its text quotes secrets
    if faults:
        raise SettingsError(*faults)
    return settings


def resolve(
    name: str, environment: Mapping[str, str], read_file: Callable[[str], str] | None
) -> Iterator[tuple[str, str]]:
    """A variable's setting with its text; nothing if it is not ours. Raises ValueError with the fault."""
    text, setting = environment[name].strip(), name.removesuffix("_FILE")
    if name in VARIABLES:
        yield name, text
    elif read_file and setting in VARIABLES:
        if setting in environment:
            raise ValueError(f"{setting} and {name} are both set: keep one")
        try:
            yield setting, read_file(text).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}={text!r}: {error.strerror if isinstance(error, OSError) else error}") from error
    elif name.startswith(PREFIX):
        near = get_close_matches(name, VARIABLES, n=1)
        raise ValueError(f"{name} is not a setting of newswire" + (f"; did you mean {near[0]}?" if near else ""))


def read_group(group: type[SettingGroup], values: Mapping[str, str]) -> dict[str, Any]:
    """The values of a group's fields, by pydantic-settings' rules for variables."""
    source = EnvSettingsSource(group)
    source.env_vars = {name.lower(): text for name, text in values.items()}
    return source()


def describe_fault(error: ErrorDetails) -> str:
    """A sentence on one wrong value; a secret is not quoted."""
    first, *rest = map(str, error["loc"])
    name = variable_name(first, rest[0]) if first in GROUPS else variable_name("", first)
    details = dict(error.get("ctx", {}))
    choices = str(details.pop("expected", "")).replace("'", "").replace(" or ", ", ")
    reason = REASONS.get(error["type"], error["msg"]).format(choices=choices, **details)
    is_secret = VARIABLES[name][2].json_schema_extra == SECRET
    return f"{name}: {reason}" if is_secret else f"{name}={error['input']!r}: {reason}"


def format_value(value: object) -> str:
    """A value as it may be set."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def describe(settings: Settings) -> tuple[SettingRow, ...]:
    """Every setting with its value in force; secrets are shown as ***."""
    rows = []
    for name, (group, field, info) in VARIABLES.items():
        value = getattr(getattr(settings, group) if group else settings, field)
        shown = "***" if info.json_schema_extra == SECRET and value else format_value(value)
        rows.append(SettingRow(name, shown, format_value(info.default), info.description or ""))
    return tuple(rows)
