"""A keyholder as the app's host, from a recording of a real one: what it says, what is kept."""

from dataclasses import replace

import pytest

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.transcript import make_transcript, parse_transcript, verify_transcript
from keyturn.client.ceremonydoor import ServerDoor
from keyturn_app import resources
from keyturn_app.recording import ASKED, Recording, read_recording
from keyturn_app.screens.ceremonies.hosting import ClientHost
from keyturn_app.screens.ceremonies.hosts import RunState
from support.sharethief import NAME as THIEF
from support.sharethief import sheets, thief

ROTATION, BACKUP = "rotation-2026", "backup-2026"
FILE = f"POST {ASKED} ceremony-file {ROTATION}"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return read_recording(resources.directory() / "recording" / "demo.json.gz")


def host_of(recording: Recording, given: bytes | None = None) -> ClientHost:
    """`given`: what it gives as the rotation's transcript; None: nothing."""
    moment = recording.moment("serving")
    answers = {name: each for name, each in moment.answers.items() if name != FILE}
    if given is not None:
        answers[FILE] = (200, dump({"answer": {"data": b64(given)}}))
    client = recording.client(replace(moment, answers=answers))
    return ClientHost(ServerDoor(client), client.authority())


def test_its_list_and_a_ceremony_that_waits(recording: Recording) -> None:
    host = host_of(recording)
    states = {each.ceremony: each.state for each in host.look().ceremonies}
    assert (states[ROTATION], states[BACKUP]) == (RunState.DONE, RunState.RUNNING)
    awaiting = host.follow(BACKUP).awaiting
    assert awaiting is not None
    assert (awaiting.step, awaiting.entered) == ("unlock-backup", (("backup", "ada"),))


def test_a_transcript_is_of_the_records_that_were_proved_and_brings_the_roster(
    recording: Recording,
) -> None:
    fingerprint = recording.profile.fingerprint
    other = [each.raw for each in host_of(recording).follow("genesis-2026").course.records]
    for given in (None, b"{}", make_transcript(other)):
        host = host_of(recording, given)
        told = host.follow(ROTATION)
        assert told.course.state is CourseState.DONE
        kept = parse_transcript(host.transcript(told))
        assert kept.records == told.course.records
        assert verify_transcript(kept, fingerprint).course.state is CourseState.DONE


def test_the_hosts_own_transcript_is_kept_where_it_is_of_the_same_records(
    recording: Recording,
) -> None:
    records = host_of(recording).follow(ROTATION).course.records
    given = make_transcript([each.raw for each in records])
    host = host_of(recording, given)
    assert host.transcript(host.follow(ROTATION)) == given


def test_a_made_up_rehearsal_gets_no_real_share() -> None:
    real = sheets(rehearsal=False)
    with pytest.raises(CeremonyRefused, match="a share set of a real token"):
        ClientHost(thief(real.sets)).follow(THIEF)
    door = thief(real.relabelled)
    host, words = ClientHost(door), bytearray(real.words["ada", ShareUse.BACKUP])
    with pytest.raises(ShareRefused) as refused:
        host.seal_share(host.follow(THIEF), ShareUse.BACKUP, "ada", words, None)
    assert refused.value.fault is ShareFault.REAL
    assert "this host asked for real shares in a rehearsal" in refused.value.hint
    assert not any(words)
    assert door.stolen == {}
