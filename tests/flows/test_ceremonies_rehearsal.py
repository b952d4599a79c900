"""Rehearsals: every script, at a host process, with nothing left of it afterwards."""

from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.people import shares_made
from keyturn.ceremony.plan import KekProfile, Plan
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.wire.errors import PeerRefused
from support.ceremonies import EVERY_SCHEME, Cast
from support.ceremonies_host import Table, genesis_plan, host_here, host_process

MODEL = digest_of(b"a model of a rehearsal")
CONCERNS = {
    ScriptKind.MODEL_KEY_DESTRUCTION: (MODEL,),
    ScriptKind.CUSTODIAN_CHANGE: ("emil",),
    ScriptKind.OFFICER_KEY_LOSS: ("emil",),
}
PROFILES = {
    ScriptKind.GENESIS: KekProfile.RECOVERABLE,
    ScriptKind.KEK_ROTATION: KekProfile.RECOVERABLE,
    ScriptKind.KEY_IMPORT: KekProfile.RECOVERABLE,
}


def rehearsal(cast: Cast, kind: ScriptKind, **changed: object) -> Plan:
    profile = PROFILES.get(kind)
    shares = {use: EVERY_SCHEME[use] for use in EVERY_SCHEME if use in shares_made(kind, profile)}
    return genesis_plan(
        cast,
        **{
            "ceremony": f"rehearsal-{kind.value}",
            "kind": kind,
            "script": SCRIPTS[kind].digest,
            "rehearsal": True,
            "kek_profile": profile,
            "shares": shares,
            "token": "REHEARSAL",
            "concerns": CONCERNS.get(kind, ()),
            **changed,
        },
    )


@pytest.mark.parametrize("kind", ScriptKind, ids=lambda kind: kind.value)
def test_every_script_can_be_rehearsed(tmp_path: Path, kind: ScriptKind) -> None:
    with host_here(tmp_path / "host", rehearsal=True) as door:
        table = Table(door, Cast())
        table.open(rehearsal(table.cast, kind))
        table.run()
        assert table.state is CourseState.DONE
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
    assert verified.rehearsal
    assert verified.looked_at.log is None


def test_a_rehearsed_import_takes_the_kek_of_a_throw_away_token(tmp_path: Path) -> None:
    """The other HSM is made up on the same host, and gone before its KEK comes in."""
    with host_here(tmp_path / "host", rehearsal=True) as door:
        table = Table(door, Cast())
        table.open(rehearsal(table.cast, ScriptKind.KEY_IMPORT))
        table.run(until="import-kek")
        carried = table.last.facts["file"]
        assert carried is not None
        assert not list((tmp_path / "host").rglob("trial"))
        table.run(until="prove-import")
        assert table.last.facts["key"]["origin"] == "imported"  # type: ignore[index, call-overload]


def test_old_shares_are_shown_where_a_rehearsed_replacement_asks_for_them(tmp_path: Path) -> None:
    """New ones were dealt by then: whoever saw no old share before sees it there, to enter it."""
    with host_here(tmp_path / "host", rehearsal=True) as door:
        table = Table(door, Cast())
        table.open(rehearsal(table.cast, ScriptKind.HSM_REPLACEMENT))
        table.run(until="unlock")
        table.words.clear()
        table.old_words.clear()
        table.run(until="prove-import")
        assert table.last.event is Event.DONE


def test_nothing_is_left_of_a_rehearsal(tmp_path: Path) -> None:
    with host_process(tmp_path / "host", rehearsal=True) as process:
        table = Table(process.door, Cast())
        table.open(rehearsal(table.cast, ScriptKind.BACKUP))
        table.run(until="back-up")
        assert list((tmp_path / "host").iterdir())
        assert process.end() == 0
    assert list((tmp_path / "host").iterdir()) == []


@pytest.mark.parametrize(
    ("rehearses", "changed", "why"),
    [
        (False, {}, "holds no rehearsals"),
        (True, {"token": "keyturn"}, "says that it is one"),
    ],
)
def test_a_rehearsal_is_nothing_else(
    tmp_path: Path, rehearses: bool, changed: dict[str, object], why: str
) -> None:
    with host_here(tmp_path / "host", rehearsal=rehearses) as door:
        table = Table(door, Cast())
        with pytest.raises(PeerRefused, match=why):
            table.open(rehearsal(table.cast, ScriptKind.GENESIS, **changed))


def test_a_host_of_rehearsals_founds_nothing(tmp_path: Path) -> None:
    with host_here(tmp_path / "host", rehearsal=True) as door:
        table = Table(door, Cast())
        with pytest.raises(PeerRefused, match="rehearsals, and nothing else"):
            table.open(genesis_plan(table.cast))
