"""A step that asks for shares, from a recording of a real host: what its ring counts."""

from datetime import timedelta

import pytest

from keyturn.client.ceremonydoor import ServerDoor
from keyturn_app import resources
from keyturn_app.recording import read_recording
from keyturn_app.screens.ceremonies.hosting import ClientHost
from keyturn_app.screens.ceremonies.leading import wizard_view
from keyturn_app.screens.ceremonies.reading import Reading
from keyturn_app.screens.ceremonies.viewmodel import Around, WizardView


@pytest.fixture(scope="module")
def view() -> WizardView:
    """A backup is opened to prove it; one of two shares is there, and the witness signs last."""
    recording = read_recording(resources.directory() / "recording" / "demo.json.gz")
    client = recording.client(recording.moment("serving"))
    told = ClientHost(ServerDoor(client), client.authority()).follow("backup-2026")
    now = told.course.records[-1].time + timedelta(seconds=1)
    return wizard_view(Reading(told), Around(now, {}))


def test_the_ring_counts_the_shares_and_not_the_witness(view: WizardView) -> None:
    assert view.ring is not None
    assert (view.ring.figure, view.ring.segments, view.ring.word) == ("1 of 2", 2, "quorum")
    assert view.headline == "One more custodian is needed"
    assert view.next_why_not == (
        "Continue becomes available at 2 of 2, and when all others have signed"
    )
    assert view.people[-1].why_not == "The witness signs last, when all others have."


def test_records_name_steps_as_the_script_does(view: WizardView) -> None:
    assert [each.head for each in view.transcript] == [
        "backup-2026: opened",
        "Who is here: done",
        "Write the backup: done",
    ]
