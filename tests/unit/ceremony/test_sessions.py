"""Unsealing and sealing, proved from their two records, the bundle and the log."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Opened, Unlocked
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import Part, ScriptKind, ShareUse
from keyturn.ceremony.sessions import VerifiedSession, is_session, verify_session
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.steps import Place
from keyturn.ceremony.transcript import make_transcript, parse_transcript
from keyturn.quorum.roster import OfficerId
from support.ceremonies import Cast, genesis_plan, played_genesis, share_sets
from support.ceremonylog import logged_genesis
from support.sealedsessions import QUORUM, SESSION, Session

LOGGED = logged_genesis(Cast(simulation=False))
UNSEAL = Session(LOGGED)
SEAL = Session(LOGGED, ScriptKind.SEAL)
WRONG = CeremonyReason


def proved(raw: bytes, fingerprint: Digest | None = LOGGED.fingerprint) -> VerifiedSession:
    return verify_session(parse_transcript(raw), fingerprint)


def refusal(work: Callable[[], object]) -> KeyturnError:
    with pytest.raises((CeremonyRefused, MalformedError)) as refused:
        work()
    return refused.value


def reason(raw: bytes) -> CeremonyReason:
    error = refusal(lambda: proved(raw))
    assert isinstance(error, CeremonyRefused), error
    return error.reason


# ---- what holds ----


@pytest.mark.parametrize("session", [UNSEAL, SEAL])
def test_it_is_proved_up_to_the_log(session: Session) -> None:
    found = proved(session.transcript())
    assert found.ceremony == f"{session.kind.value}-{SESSION}"
    assert found.digest == session.whole().digest
    assert found.looked_at.log is not None
    assert found.authority == LOGGED.fingerprint


def test_without_receipts_the_log_was_not_looked_at() -> None:
    assert proved(UNSEAL.transcript(logged=False)).looked_at.log is None


def test_a_custodian_may_seal_too() -> None:
    done = SEAL.done([SEAL.signature("farid")])
    assert proved(SEAL.transcript(done)).signatures[0].part is Part.CUSTODIAN


def test_more_custodians_than_are_needed() -> None:
    everybody = ("ada", "bela", "chen", "dora", "emil")
    facts = UNSEAL.facts(everybody)
    done = UNSEAL.done([UNSEAL.signature(each) for each in everybody], facts=facts)
    assert len(proved(UNSEAL.transcript(done)).signatures) == 5


def test_which_transcripts_are_these() -> None:
    assert is_session(parse_transcript(UNSEAL.transcript()))
    assert not is_session(parse_transcript(played_genesis().transcript()))


# ---- what does not ----


def test_a_rehearsals_shares_unseal_nothing() -> None:
    session = Session(LOGGED)
    session.sets = share_sets(genesis_plan(Cast()))
    session.first = session.opening(session.now)
    error = refusal(lambda: proved(session.transcript()))
    assert isinstance(error, ShareRefused)
    assert error.fault is ShareFault.REHEARSED


def test_the_authority_must_be_named_and_be_the_one() -> None:
    raw = UNSEAL.transcript()
    for other in (None, digest_of(b"another")):
        error = refusal(lambda it=other: proved(raw, it))  # type: ignore[misc]
        assert isinstance(error, CeremonyRefused)
        assert error.reason is WRONG.NOT_AUTHORISED
    bare = make_transcript([UNSEAL.first.raw, UNSEAL.whole().raw])
    assert reason(bare) is WRONG.NOT_AUTHORISED


@pytest.mark.parametrize(
    "officers", [(), ("ada",), ("ada", "chen"), ("ada", "ada", "chen"), ("ada", "chen", "farid")]
)
def test_no_quorum_of_the_user_pins_custodians(officers: tuple[str, ...]) -> None:
    done = UNSEAL.done([UNSEAL.signature(each) for each in dict.fromkeys(officers)])
    assert reason(UNSEAL.transcript(done)) is WRONG.BAD_SIGNATURE


def test_one_officer_counts_once() -> None:
    later = UNSEAL.signature("ada", time=UNSEAL.now + timedelta(seconds=90))
    done = UNSEAL.done([*(UNSEAL.signature(each) for each in QUORUM), later])
    assert reason(UNSEAL.transcript(done)) is WRONG.SIGNED_ALREADY


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"key": "mallory"}, WRONG.BAD_SIGNATURE),
        ({"part": Part.WITNESS}, WRONG.WRONG_PART),
        ({"part": Part.ADMINISTRATOR}, WRONG.WRONG_PART),
        ({"step": "seal"}, WRONG.WRONG_PLACE),
        (
            {"place": Place("unseal-" + "cd" * 16, False, 1, UNSEAL.first.digest)},
            WRONG.WRONG_PLACE,
        ),
        (
            {"place": Place(UNSEAL.first.ceremony, False, 1, digest_of(b"x"))},
            WRONG.WRONG_PLACE,
        ),
        ({"time": UNSEAL.now - timedelta(hours=1)}, WRONG.WRONG_TIME),
        ({"attached": ()}, WRONG.BAD_SIGNATURE),
    ],
)
def test_a_custodians_signature_that_is_none(
    changed: dict[str, object], expected: CeremonyReason
) -> None:
    part = changed.pop("part", Part.CUSTODIAN)
    bad = UNSEAL.signature("emil", part, **changed)  # type: ignore[arg-type]
    done = UNSEAL.done([UNSEAL.signature("ada"), UNSEAL.signature("chen"), bad])
    assert reason(UNSEAL.transcript(done)) is expected


def test_the_record_names_the_set_and_who_signed() -> None:
    (user,) = (each for each in UNSEAL.sets if each.use is ShareUse.USER)
    who = tuple(map(OfficerId, QUORUM))
    for facts in (
        Unlocked(ShareUse.SO, user.identifier, who),
        Unlocked(ShareUse.USER, user.identifier ^ 1, who),
        Unlocked(ShareUse.USER, user.identifier, who[:2]),
    ):
        signed = [UNSEAL.signature(each) for each in QUORUM]
        done = UNSEAL.done(signed, facts=facts.document())
        assert reason(UNSEAL.transcript(done)) is WRONG.BAD_SIGNATURE


def test_one_signature_seals_and_no_more() -> None:
    hana = SEAL.signature("hana", Part.ADMINISTRATOR)
    for signed in ([], [hana, SEAL.signature("ada")]):
        assert reason(SEAL.transcript(SEAL.done(signed))) is WRONG.BAD_SIGNATURE
    witness = SEAL.done([SEAL.signature("viktor", Part.WITNESS)])
    assert reason(SEAL.transcript(witness)) is WRONG.WRONG_PART


@pytest.mark.parametrize(
    "changed",
    [{"previous": digest_of(b"x")}, {"seq": 2}, {"step": "close"}, {"rehearsal": True}],
)
def test_the_second_record_follows_the_first(changed: dict[str, object]) -> None:
    signed = [UNSEAL.signature(each) for each in QUORUM]
    done = UNSEAL.done(signed, **changed)
    assert reason(UNSEAL.transcript(done, logged=False)) is WRONG.BROKEN_CHAIN


def test_another_opening() -> None:
    easier = Opened(SCRIPTS[ScriptKind.SEAL].to_bytes(), "keyturn", "a host", None, UNSEAL.sets)
    assert reason(Session(LOGGED, facts=easier.document()).transcript()) is WRONG.WRONG_SCRIPT
    for changed in ({"rehearsal": True}, {"signed": (b"x",)}, {"ceremony": "unseal-1"}):
        session = Session(LOGGED, **changed)
        refusal(lambda it=session: proved(it.transcript(logged=False)))  # type: ignore[misc]


def test_two_records_and_no_more() -> None:
    first, done = UNSEAL.first.raw, UNSEAL.whole().raw
    for records in ([first], [first, done, done + b" "]):
        refusal(lambda it=records: proved(make_transcript(it, LOGGED.bundle)))  # type: ignore[misc]


def test_a_record_that_the_log_does_not_hold() -> None:
    other = UNSEAL.done([UNSEAL.signature(each) for each in QUORUM], time=UNSEAL.now + timedelta(1))
    told = parse_transcript(UNSEAL.transcript())
    raw = make_transcript([UNSEAL.first.raw, other.raw], LOGGED.bundle, told.receipts)
    assert reason(raw) is WRONG.BROKEN_CHAIN
