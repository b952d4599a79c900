"""The examples of docs/examples hold, and their minutes are of them."""

import io
from pathlib import Path

import pypdf
import pytest

from keyturn.ceremony.course import CourseState
from keyturn.ceremony.minutes import make_minutes
from keyturn.ceremony.transcript import parse_transcript, verify_transcript

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
TRANSCRIPTS = sorted(EXAMPLES.glob("*.transcript.json"))


def test_there_are_a_rehearsal_and_one_in_earnest() -> None:
    found = {
        verify_transcript(parse_transcript(each.read_bytes())).rehearsal for each in TRANSCRIPTS
    }
    assert found == {True, False}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.name)
def test_an_example_holds_and_has_its_minutes(path: Path) -> None:
    verified = verify_transcript(parse_transcript(path.read_bytes()))
    assert verified.course.state is CourseState.DONE
    assert (verified.looked_at.log is None) is verified.rehearsal
    pdf = path.with_name(path.name.replace(".transcript.json", ".minutes.pdf"))
    minutes = make_minutes(verified)
    for page in pypdf.PdfReader(io.BytesIO(pdf.read_bytes())).pages:
        text = page.extract_text()
        assert verified.digest in "".join(text.split())
        assert all(mark in text for mark in minutes.marks)
        assert ("REHEARSAL" in text) is verified.rehearsal
