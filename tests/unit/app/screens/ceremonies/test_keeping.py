"""What is saved of a ceremony: with the log's receipts, and proved by what this app has pinned."""

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.minutes import make_minutes
from keyturn.ceremony.transcript import make_transcript, parse_transcript
from keyturn.client.ceremonydoor import ServerDoor
from keyturn_app import resources
from keyturn_app.recording import Recording, read_recording
from keyturn_app.screens.ceremonies.hosting import ClientHost
from keyturn_app.screens.ceremonies.keeping import proved, verdict_of

ROTATION = "rotation-2026"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return read_recording(resources.directory() / "recording" / "demo.json.gz")


@pytest.fixture(scope="module")
def kept(recording: Recording) -> bytes:
    """What the wizard saves as the transcript, and makes minutes of."""
    client = recording.client(recording.moment("serving"))
    host = ClientHost(ServerDoor(client), client.authority())
    return host.transcript(host.follow(ROTATION))


def test_what_is_saved_carries_the_logs_receipts(recording: Recording, kept: bytes) -> None:
    found = proved(kept, recording.profile.fingerprint)
    assert found.looked_at.log is not None
    assert found.looked_at.pinned
    assert make_minutes(found)
    assert "Every record is in the log" in verdict_of(kept, recording.profile.fingerprint).text


def test_without_receipts_that_is_said(recording: Recording, kept: bytes) -> None:
    found = proved(kept, recording.profile.fingerprint)
    raws = [each.raw for each in found.course.records]
    bare = make_transcript(raws, parse_transcript(kept).bundle)
    assert "was not looked at here" in verdict_of(bare, None).text


def test_the_transcript_of_another_authority_is_not_called_pinned(kept: bytes) -> None:
    assert not proved(kept, digest_of(b"another authority")).looked_at.pinned
    assert not proved(kept, None).looked_at.pinned
