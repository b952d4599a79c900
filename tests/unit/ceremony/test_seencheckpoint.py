"""What a custodian has seen of a log: where it is entered, and in which form."""

from dataclasses import replace

import pytest

from keyturn.base.encoding import sha256
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.hostphrase import COMPARED
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.seencheckpoint import is_asked, may_enter_seen, read_seen, seen_entries
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.merkle import Hash
from support.ceremonies import Cast, genesis_plan
from unit.ceremony.test_hostphrase import signature

PLAN = replace(genesis_plan(Cast(), rehearsal=False), kind=ScriptKind.RESTORE, ceremony="restore-1")
SEEN = Checkpoint("log.example", 7, Hash(b"\x01" * 32))
ENTERED = {"size": "7", "root": "01" * 32}


@pytest.mark.parametrize("kind", list(ScriptKind))
def test_it_is_asked_where_a_copy_of_the_log_may_go_on(kind: ScriptKind) -> None:
    plan = replace(PLAN, kind=kind)
    assert is_asked(plan) is (kind in COMPARED)
    assert not is_asked(replace(plan, rehearsal=True))
    assert may_enter_seen(plan, signature()) is (kind in COMPARED)


def test_it_stands_beside_a_custodians_share_alone() -> None:
    assert not may_enter_seen(PLAN, signature(share=False))
    assert not may_enter_seen(PLAN, signature(Part.WITNESS))


def test_who_has_seen_something_says_so() -> None:
    assert seen_entries(PLAN, SEEN) == ENTERED
    assert seen_entries(PLAN, None) == {}
    assert seen_entries(PLAN, Checkpoint("log.example", 0, Hash(sha256(b"")))) == {}
    assert seen_entries(replace(PLAN, kind=ScriptKind.BACKUP), SEEN) == {}


def test_what_was_entered_is_read() -> None:
    assert read_seen({**ENTERED, "host": "words"}, "log.example") == SEEN
    assert read_seen({"host": "words"}, "log.example") is None


@pytest.mark.parametrize(
    "changed",
    [
        {"size": None},
        {"root": None},
        {"size": "07"},
        {"size": "-7"},
        {"size": "seven"},
        {"size": str(1 << 64)},
        {"root": "01" * 31},
        {"root": "AB" * 32},
        {"root": "zz" * 32},
    ],
)
def test_what_is_no_checkpoint_is_refused(changed: dict[str, str | None]) -> None:
    entered = {name: value for name, value in {**ENTERED, **changed}.items() if value is not None}
    with pytest.raises(MalformedCeremony):
        read_seen(entered, "log.example")
