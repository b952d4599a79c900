"""The load alone: what it refuses to count as a release, and how it ends."""

import socket
import threading

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump
from keyturn.cli.bench_release_load import Load, Target, _done, _granted, serve
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.grant import RefusalDocument, RefusalReason
from keyturn.wire.keyholder import ok_answer

MODEL = Digest("sha256:" + "ab" * 32)


@pytest.fixture
def load(tmp_path):
    """A load without nodes, whose keyholder is not there."""
    target = Target(tmp_path / "none.sock", None, {})
    made = Load.__new__(Load)
    made._target, made._made = target, []
    return made


def job(**values):
    return Fields(values, "bench job")


def test_a_refusal_is_no_release():
    reason = RefusalReason("platform", "platform-not-allowed", "amd-x", "a platform", None, "")
    refusal = RefusalDocument(Purpose.RELEASE, bytes(56), MODEL, (reason,), logged=True)
    answer = ok_answer({"granted": False, "answer": refusal.to_document(), "index": 7})
    with pytest.raises(MalformedError, match="refused a release") as caught:
        _granted(dump(answer))
    assert caught.value.found == "platform: platform-not-allowed (amd-x)"


def test_a_job_that_is_not_known_is_an_error(load):
    assert _done(load, job(do="sleep"))["found"] == "sleep"


def test_a_keyholder_that_is_not_there_is_an_error(load):
    answer = _done(load, job(do="prepare", variant="cpu", count=1))
    assert "cannot be reached" in answer["error"]


def test_it_ends_with_its_connection():
    ours, theirs = socket.socketpair()
    status = []
    thread = threading.Thread(target=lambda: status.append(serve(theirs)))
    thread.start()
    ours.close()
    thread.join(5)
    theirs.close()
    assert status == [0]
