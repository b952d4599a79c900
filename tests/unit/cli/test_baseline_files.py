"""Bodies read, merged, written and printed."""

from datetime import timedelta
from pathlib import Path

import pytest
import typer

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.cli.baseline_files import (
    Target,
    hand_over,
    print_rows,
    read_body,
    row_documents,
    term_of,
    value_documents,
)
from keyturn.policy.comparing import compare
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from support.golden import NOW

ONE = ReferenceValues({"0a" * 48: Origin("one \x1b[31m")}, ())
TWO = ReferenceValues({"0b" * 48: Origin("two")}, ())


def test_a_body_is_written_once_and_added_to(tmp_path: Path) -> None:
    first, both = tmp_path / "first.json", tmp_path / "both.json"
    hand_over(ONE, Target(first, None, as_json=False))
    hand_over(TWO, Target(both, first, as_json=False))
    assert read_body(both).snp.keys() == {"0a" * 48, "0b" * 48}
    assert read_body(first) == ONE
    with pytest.raises(KeyturnError):
        hand_over(TWO, Target(first, None, as_json=False))


def test_what_is_printed_obeys_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hand_over(ONE, Target(None, None, as_json=False))
    print_rows(compare(ONE, TWO), "left", "right", every=False)
    assert "\x1b" not in capsys.readouterr().out
    assert [each["same"] for each in row_documents(compare(ONE, TWO))] == [False, False]
    assert value_documents(TWO) == [{"what": f"launch measurement {'0b' * 48}", "source": "two"}]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"snp":{}}', b"\xff" * 100])
def test_what_is_no_body_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "body.json"
    path.write_bytes(content)
    with pytest.raises(MalformedError):
        read_body(path)


def test_ends_in_days_or_at_a_time() -> None:
    assert term_of(None, NOW).until is None
    assert term_of("90", NOW).until == NOW + timedelta(days=90)
    assert term_of("2027-01-01T00:00:00Z", NOW).until is not None
    for wrong in ("0", "99999999999"):
        with pytest.raises(typer.BadParameter):
            term_of(wrong, NOW)
    with pytest.raises(MalformedError):
        term_of("soon", NOW)
