"""A recording of a real control plane, replayed: what it shows is proved again, or not shown."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, load_object
from keyturn.client.errors import ServerLied, ServerRefused
from keyturn.client.profile import Profile
from keyturn.client.proposals import Status
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn_app.recording import (
    MAX_FILE,
    Recording,
    RecordingUnusable,
    capture,
    read_recording,
    write_recording,
)
from support.authority import policy_body
from support.signers import PersonSigner
from support.system import System
from support.whole import Whole, running_whole


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    with running_whole(system, tmp_path) as made:
        yield made


@pytest.fixture
def file(whole: Whole, tmp_path: Path) -> Path:
    """A policy in force, a stricter one that one of two has approved, recorded by Chen."""
    whole.enact(Kind.POLICY, "serving", policy_body())
    whole.approve(whole.propose(Kind.POLICY, "serving", policy_body(lease_seconds=30)), "bela")
    world, system = whole.world, whole.system
    profile = Profile(world.url, world.pin, system.fingerprint, "chen", InKeyring("chen"))
    signer = PersonSigner(system.authority.people["chen"])
    moment = capture("now", profile, lambda: signer, system.clock)
    write_recording(tmp_path / "recording", profile, [moment])
    return tmp_path / "recording"


def test_what_is_replayed_is_what_was_proved(whole: Whole, file: Path) -> None:
    recording = read_recording(file)
    client = recording.client(recording.moment("now"))

    assert client.proposals() == whole.desks["chen"].proposals()
    assert {each.status for each in client.proposals()} >= {Status.OPEN, Status.IN_FORCE}
    assert list(client.leaves()[1]) == list(whole.desks["chen"].leaves()[1])
    last = len(client.leaves()[1]) - 1
    assert client.receipt(last).index == last


def test_a_recording_is_written_the_same_again(file: Path, tmp_path: Path) -> None:
    recording = read_recording(file)
    write_recording(tmp_path / "again", recording.profile, recording.moments)
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_recording_that_was_edited_is_named_as_lying(file: Path) -> None:
    recording = read_recording(file)
    moment = recording.moment("now")
    status, body = moment.answers["/v1/proposals"]
    forged = body.replace(b'"status":"open"', b'"status":"in-force"')
    assert forged != body
    lying = Recording(
        recording.profile,
        (type(moment)("now", moment.time, {**moment.answers, "/v1/proposals": (status, forged)}),),
    )

    with pytest.raises(ServerLied, match="without a receipt"):
        lying.client(lying.moment("now")).proposals()


def test_a_recording_signs_and_posts_nothing(file: Path) -> None:
    recording = read_recording(file)
    client = recording.client(recording.moment("now"))
    (waiting,) = [each for each in client.proposals() if each.status is Status.OPEN]

    with pytest.raises(RecordingUnusable, match="signs nothing"):
        client.decide(waiting.digest, Decision.APPROVE, "")
    with pytest.raises(ServerRefused, match="this is a recording"):
        client.post_approval(waiting.digest, b"{}")
    with pytest.raises(RecordingUnusable, match="no such moment"):
        recording.moment("later")


def no_recordings(good: bytes) -> dict[str, bytes]:
    document = dict(load_object(gzip.decompress(good), limit=MAX_FILE, what="recording"))
    bodies = document["bodies"]
    assert isinstance(bodies, dict)
    return {
        "cut short": good[: len(good) // 2],
        "not gzip": b"{}" + good,
        "an extra byte": good + b"x",
        "another type": gzip.compress(dump({**document, "type": "log"})),
        "a field too many": gzip.compress(dump({**document, "more": 1})),
        "a body too few": gzip.compress(dump({**document, "bodies": {}})),
        "another body under a name": gzip.compress(
            dump({**document, "bodies": dict.fromkeys(bodies, b64(b"{}"))})
        ),
    }


def test_what_is_no_recording_is_refused(file: Path) -> None:
    read = []
    for name, data in no_recordings(file.read_bytes()).items():
        file.write_bytes(data)
        try:
            read_recording(file)
        except MalformedError:
            continue
        read.append(name)
    assert read == []


def test_a_recording_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnusable, match="cannot read"):
        read_recording(tmp_path / "missing")
