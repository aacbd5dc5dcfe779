"""Logging set-up of a command: lines for people at a terminal, JSON lines elsewhere, always on stderr.

Settings: NEWSWIRE_LOG_FORMAT and NEWSWIRE_LOG_LEVEL. Airflow configures logging in its own processes, so nothing here
is called there; the lines of pipeline/reporting/logs.py go to the task's log by Airflow's rules.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

from pipeline.app.environment import load_settings
from pipeline.domain.errors import SettingsError
from pipeline.domain.settings import LogOptions
from pipeline.reporting.logs import LOGGER, configure_with

if TYPE_CHECKING:
    from structlog.typing import Processor


def configure_logging(*, is_service: bool = False) -> None:
    """Set level and form as the settings say. A service is a command that goes on: it logs at info by default."""
    try:
        options = load_settings().logs
    except SettingsError:  # the command itself reports it
        options = LogOptions()
    as_json = options.format == "json" or (options.format == "auto" and not sys.stderr.isatty())
    handler = StderrHandler()
    handler.setFormatter(LineFormatter(as_json=as_json))
    root = logging.getLogger()  # at its level, warning: libraries say no more
    root.handlers = [*(other for other in root.handlers if not isinstance(other, StderrHandler)), handler]
    default = "info" if as_json or is_service else "warning"
    LOGGER.setLevel((default if options.level == "auto" else options.level).upper())
    configure_with(configure_structlog)


def configure_structlog() -> None:
    """Have structlog hand its lines to the handlers of the standard library."""
    import structlog

    structlog.configure(
        processors=[*shared_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def shared_processors() -> list[Processor]:
    """What every line gets, whether structlog or a library made it: level and time."""
    import structlog

    return [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what stderr is when a line is written; a test may have replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class LineFormatter(logging.Formatter):
    """structlog's formatter, made with the first line: loading structlog takes 0.3 s."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json
        self.formatter: Any = None

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, of structlog's or of a library's."""
        import structlog

        if self.formatter is None:
            render: Processor = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            if self.as_json:
                render = structlog.processors.JSONRenderer(ensure_ascii=False)
            self.formatter = structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=shared_processors(),
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,  # without locals: they may hold secrets and whole texts
                    render,
                ],
            )
        return str(self.formatter.format(record))
