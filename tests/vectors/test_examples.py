"""The examples of docs/examples hold, and their minutes are of them: byte for byte."""

import io
import json
from pathlib import Path

import pypdf
import pytest
import typer
from typer.testing import CliRunner, Result

from keyturn.ceremony.course import CourseState
from keyturn.ceremony.minutes import make_minutes
from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.transcript import Verified, parse_transcript, verify_transcript
from keyturn.cli import ceremony
from support.ceremonyexamples import EXAMPLES as NAMES

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
TRANSCRIPTS = sorted(EXAMPLES.glob("*.transcript.json"))
each_example = pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.name)


def proved(path: Path) -> Verified:
    return verify_transcript(parse_transcript(path.read_bytes()))


def keyturn(*words: object) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    ceremony.register(app)
    return CliRunner().invoke(app, ["ceremony", *map(str, words)])


def pinned(path: Path) -> list[str]:
    if proved(path).rehearsal:
        return []
    return ["--fingerprint", (EXAMPLES / "fingerprint").read_text(encoding="utf-8").strip()]


def minutes_of(path: Path) -> Path:
    return path.with_name(path.name.replace(".transcript.json", ".minutes.pdf"))


def test_there_are_a_rehearsal_and_the_life_of_one_authority() -> None:
    assert {each.name.partition(".")[0] for each in TRANSCRIPTS} == set(NAMES)
    found = [proved(each) for each in TRANSCRIPTS]
    assert {each.rehearsal for each in found} == {True, False}
    real = [each for each in found if not each.rehearsal]
    assert len({each.authority for each in real}) == 1
    assert {each.plan.kind for each in real} == {
        ScriptKind.GENESIS,
        ScriptKind.KEK_ROTATION,
        ScriptKind.BACKUP,
        ScriptKind.RESTORE,
        ScriptKind.RESTORE_DRILL,
    }


@each_example
def test_the_command_proves_it(path: Path) -> None:
    done = keyturn("verify", path, *pinned(path), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["state"] == "done"


@each_example
def test_its_minutes_are_what_is_printed_now(path: Path, tmp_path: Path) -> None:
    done = keyturn("minutes", path, "-o", tmp_path / "now.pdf", *pinned(path))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "now.pdf").read_bytes() == minutes_of(path).read_bytes()


@each_example
def test_an_example_holds_and_has_its_minutes(path: Path) -> None:
    verified = proved(path)
    assert verified.course.state is CourseState.DONE
    assert (verified.looked_at.log is None) is verified.rehearsal
    minutes = make_minutes(verified)
    for page in pypdf.PdfReader(io.BytesIO(minutes_of(path).read_bytes())).pages:
        text = page.extract_text()
        assert verified.digest in "".join(text.split())
        assert all(mark in text for mark in minutes.marks)
        assert ("REHEARSAL" in text) is verified.rehearsal
