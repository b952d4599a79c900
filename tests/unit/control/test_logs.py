"""Log lines: machine-readable, and nothing in them that was sent (I7, I8)."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from keyturn.control.logs import JsonFormatter, log_to_stderr

SECRET = "bearer 0123456789abcdef"


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("keyturn.control", logging.WARNING, "x.py", 1, message, args, None)
    made.created = 1_795_420_800.25
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def line(made: logging.LogRecord) -> dict[str, object]:
    text = JsonFormatter().format(made)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_a_line_is_one_json_object() -> None:
    assert line(record("took %d of %s", 2, "them")) == {
        "time": "2026-11-23T08:00:00.250+00:00",
        "level": "warning",
        "logger": "keyturn.control",
        "message": "took 2 of them",
    }


def test_only_fields_that_we_name_are_shown() -> None:
    found = line(record("x", reason="down", path="/v1/nodes", headers=SECRET))
    assert (found["reason"], found["path"]) == ("down", "/v1/nodes")
    assert SECRET not in json.dumps(found)


def test_a_fault_tells_its_place_and_kind_and_not_its_message() -> None:
    def failing() -> None:
        raise ValueError(SECRET)

    made = record("a request failed")
    try:
        failing()
    except ValueError:
        made.exc_info = sys.exc_info()
    found = line(made)
    assert str(found["fault"]).startswith("ValueError in failing:")
    assert SECRET not in json.dumps(found)


def test_line_breaks_in_a_message_stay_in_the_line() -> None:
    assert line(record("a\nb"))["message"] == "a\nb"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    found = logging.getLogger()
    noisy = [logging.getLogger(each) for each in ("alembic", "sqlalchemy", "asyncio")]
    before = (found.handlers[:], found.level, [each.level for each in noisy])
    found.handlers[:] = []
    yield found
    found.handlers[:], levels = before[0], before[2]
    found.setLevel(before[1])
    for each, level in zip(noisy, levels, strict=True):
        each.setLevel(level)


def test_every_logger_writes_to_stderr_and_noise_is_held_back(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr()
    logging.getLogger("keyturn.x").info("here")
    logging.getLogger("sqlalchemy.engine").info("SELECT secret")
    out, err = capsys.readouterr()
    assert out == ""
    assert [json.loads(each)["message"] for each in err.splitlines()] == ["here"]
