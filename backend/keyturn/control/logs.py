"""Log lines as JSON on stderr. Requests' headers and bodies are never logged (I7, I8)."""

import json
import logging
import sys
from datetime import UTC, datetime

_FIELDS = ("reason", "path", "lost", "model")


class JsonFormatter(logging.Formatter):
    """One line a record: time, level, logger, message, and the fields that we name."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = self._where(record)
        return json.dumps(line, ensure_ascii=False)

    def _where(self, record: logging.LogRecord) -> str:
        """The fault's type and place; not its message, which may hold what was sent."""
        kind, _, trace = record.exc_info or (None, None, None)
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
        return f"{kind.__name__ if kind else ''} in {place}"


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send every logger's lines to stderr in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("alembic", "sqlalchemy", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
