"""A recording of a real control plane, replayed: what it shows is proved again, or not shown."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, load_object
from keyturn.client.errors import ServerLied, ServerRefused
from keyturn.client.profile import Profile
from keyturn.client.proposals import Status
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn_app.recording import (
    ASKED,
    MAX_FILE,
    Moment,
    Recorder,
    Recording,
    RecordingUnusable,
    Replay,
    capture,
    read_recording,
    write_recording,
)
from support.authority import policy_body
from support.nodes import NodeSecrets
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
    return recorded(whole, tmp_path / "recording")


def recorded(whole: Whole, path: Path) -> Path:
    world, system = whole.world, whole.system
    profile = Profile(world.url, world.pin, system.fingerprint, "chen", InKeyring("chen"))
    signer = PersonSigner(system.authority.people["chen"])
    moment = capture("now", profile, lambda: signer, system.clock)
    write_recording(path, profile, [moment])
    return path


@pytest.fixture
def refused(whole: Whole, node_secrets: NodeSecrets, tmp_path: Path) -> Recording:
    """A machine of the simulated vendors was refused, for want of an admission."""
    node = whole.system.node(node_secrets)
    whole.system.trust_simulated_roots()
    with whole.node_link() as link:
        link.release(node.request(link.challenge(), digest_of(b"no such model")))
    whole.world.catch_up()
    return read_recording(recorded(whole, tmp_path / "recording"))


def test_evidence_of_every_node_is_verified_again(whole: Whole, refused: Recording) -> None:
    client = refused.client(refused.moment("now"))
    (observed,) = client.observe_fleet()
    assert observed.measurable
    (live,) = whole.desks["chen"].observe_fleet()
    assert observed.shown == live.shown
    digest = client.examine(observed.node).evidence
    assert client.evidences([digest, digest_of(b"another")]).keys() == {digest}
    explained = client.explain(observed.node)
    assert client.carry(explained, client.seen())


def test_evidence_that_was_edited_in_a_recording_shows_nothing(refused: Recording) -> None:
    moment = refused.moment("now")
    (path,) = [each for each in moment.answers if each.startswith("/v1/evidence/")]
    digest = Digest(path.rpartition("/")[2])
    raw = refused.client(moment).evidence(digest)
    assert raw is not None
    forged = raw.replace(b'"release"', b'"renewal"')
    assert forged != raw
    answers = {**moment.answers, path: (200, dump({"data": b64(forged)}))}

    (observed,) = refused.client(Moment("now", moment.time, answers)).observe_fleet()
    assert observed.shown is None


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"[]",
        b"{}",
        b'{"digests":["no digest"]}',
        b'{"digests":[],"more":1}',
        b'{"digests":[1]}',
        b'{"digests":[' + b" " * MAX_FILE + b"]}",
    ],
)
def test_a_question_for_evidence_that_is_none_is_not_answered(question: bytes) -> None:
    path = f"/v1/evidence/{digest_of(b'')}"
    replay = Replay({path: (200, b'{"data":""}')})
    asked = httpx.Request("POST", "https://localhost/v1/evidence/batch", content=question)
    assert replay.handle_request(asked).status_code == 404


def test_evidence_for_which_an_answer_has_no_room_is_left_for_the_next() -> None:
    bodies = [bytes([each]) * (5 << 20) for each in range(3)]
    names = [digest_of(each) for each in bodies]
    kept = {
        f"/v1/evidence/{name}": (200, dump({"data": b64(each)}))
        for name, each in zip(names, bodies, strict=True)
    }
    document = dump({"digests": [digest_of(b"not kept"), *names]})
    asked = httpx.Request("POST", "https://localhost/v1/evidence/batch", content=document)
    answer = load_object(Replay(kept).handle_request(asked).content, limit=MAX_FILE, what="answer")
    found = answer["found"]
    assert isinstance(found, list)
    assert [each["digest"] for each in found if isinstance(each, dict)] == names[:1]
    assert answer["left"] == names[1:]


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


def asked_host(answers: dict[str, tuple[int, bytes]], request: dict[str, object]) -> httpx.Response:
    question = dump({"request": request})
    return Replay(answers).handle_request(
        httpx.Request("POST", f"https://localhost{ASKED}", content=question)
    )


NEWS = dump({"answer": {"records": ["YQ==", "Yg==", "Yw=="], "seq": 2, "waiting": None}})
HOST = {f"POST {ASKED} ceremonies": (200, b"{}"), f"POST {ASKED} ceremony g-1": (200, NEWS)}


def test_a_ceremony_is_told_from_the_record_that_was_asked_for() -> None:
    for since, expected in ((0, 3), (1, 2), (3, 0), (9, 0)):
        said = asked_host(HOST, {"op": "ceremony", "ceremony": "g-1", "since": since})
        news = load_object(said.content, limit=MAX_FILE, what="answer")["answer"]
        assert isinstance(news, dict)
        assert isinstance(news["records"], list)
        assert (len(news["records"]), news["seq"]) == (expected, 2)
    assert asked_host(HOST, {"op": "ceremonies"}).status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"op": "ceremony", "ceremony": "g-2", "since": 0},
        {"op": "ceremony", "ceremony": "g-1", "since": -1},
        {"op": "ceremony", "ceremony": "g-1"},
        {"op": "ceremonies", "more": 1},
        {"op": "ceremony-file", "ceremony": "g-1", "name": "kek-backup.json"},
        {"op": "ceremony-open", "plan": "YQ=="},
        {"op": "ceremony-sign", "ceremony": "g-1", "envelope": "YQ==", "attached": []},
        {"op": "ceremony-say", "ceremony": "g-1", "envelope": "YQ=="},
    ],
)
def test_nothing_else_is_asked_of_a_recorded_host(request_: dict[str, object]) -> None:
    assert asked_host(HOST, request_).status_code == 404


def test_what_is_handed_to_a_host_is_not_recorded() -> None:
    recorder = Recorder(httpx.MockTransport(lambda _request: httpx.Response(200, content=b"{}")))
    with httpx.Client(base_url="https://localhost", transport=recorder) as client:
        for request in (
            {"op": "ceremony-sign", "ceremony": "g-1", "envelope": "YQ==", "attached": []},
            {"op": "ceremony", "ceremony": "g-1", "since": 0},
            {"op": "ceremony", "ceremony": "g-1", "since": 2},
        ):
            client.post(ASKED, content=dump({"request": request}))
    assert recorder.answers == {f"POST {ASKED} ceremony g-1": (200, b"{}")}
