"""Logs: readable lines on a terminal, JSON elsewhere; never a token or a password."""

import logging
import sys
from contextlib import AbstractContextManager
from typing import Literal

import structlog

SECRET_KEYS = frozenset(
    {"token", "password", "couchdb_password", "authorization", "admin_line", "owner_hash", "secret", "cookie"}
)


def _redact(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: _hidden(key, value) for key, value in event.items()}


def _hidden(key: object, value: object) -> object:
    """The value, or a stand-in for a secret; what is inside mappings and sequences alike."""
    if isinstance(key, str) and key.lower() in SECRET_KEYS:
        return "(hidden)"
    if isinstance(value, dict):
        return {inner: _hidden(inner, part) for inner, part in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(None, part) for part in value]
    return value


def configure(form: Literal["auto", "json", "text"], *, level: int = logging.INFO) -> None:
    """Set up structlog and the standard library's logging to write one line an event to standard output."""
    as_text = form == "text" or (form == "auto" and sys.stdout.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty()) if as_text else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def get(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def bound(**values: str) -> AbstractContextManager[None]:
    """Every line that this thread, or this task, logs in the block has these as well."""
    return structlog.contextvars.bound_contextvars(**values)
