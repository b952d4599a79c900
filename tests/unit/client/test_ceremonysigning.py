"""What is signed is made of what was verified; what the host would refuse is refused here."""

from dataclasses import replace
from typing import Any

import pytest

from keyturn.base.dsse import parse_envelope
from keyturn.base.encoding import b64, digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, load_object
from keyturn.ceremony.checks import check_said, check_step_signature
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.plan import parse_plan
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import Word, parse_said, parse_step_signature
from keyturn.client.ceremonysigning import (
    entries,
    missing_entries,
    open_request,
    part_to_say,
    parts_to_sign,
    say_request,
    shown_statements,
    sign_request,
    sign_statements,
    step_of,
    unlock_request,
)
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.kinds import Kind, payload_type
from keyturn.quorum.statements import parse_statement
from keyturn.wire.ceremonies import AskCeremony, StatementToSign
from support.ceremonies import Cast, Play, genesis_plan, playing_genesis
from support.playedhost import PlayedHost, secret_of


def play_at(step: str) -> Play:
    return next(each for each in playing_genesis() if each.step.id == step)


def signer(officer: str) -> OfficerSigner:
    return OfficerSigner(secret_of(Cast(), officer))


def waiting_at(play: Play) -> Any:
    return PlayedHost(play.cast, play).ask(AskCeremony(play.plan.ceremony)).waiting


def test_a_plan_is_signed_by_its_administrator() -> None:
    plan = genesis_plan(Cast())
    request = open_request(plan, signer("hana"))
    found = parse_plan(request.plan)
    assert found.plan == plan
    assert found.envelope.signatures[0].key_id == signer("hana").key_id


def test_nobody_else_signs_a_plan_and_no_broken_one_is_signed() -> None:
    plan = genesis_plan(Cast())
    with pytest.raises(CeremonyRefused, match="its administrator"):
        open_request(plan, signer("ada"))
    with pytest.raises(MalformedError):
        open_request(replace(plan, witness=plan.administrator), signer("hana"))


def test_a_signature_is_taken_by_the_host() -> None:
    play = play_at("open")
    entered = {"phrase": play.course.phrase}
    request = sign_request(play.course, Part.WITNESS, signer("viktor"), play.now, entered=entered)
    signature = parse_step_signature(request.envelope)
    check_step_signature(play.course, signature, play.now, attached=request.attached)
    assert (signature.officer, signature.part, signature.step) == ("viktor", Part.WITNESS, "open")
    assert signature.place == play.course.place


@pytest.mark.parametrize(
    ("officer", "part", "entered", "reason"),
    [
        ("hana", Part.WITNESS, {"phrase": "x"}, CeremonyReason.WRONG_PART),
        ("ada", Part.ADMINISTRATOR, {}, CeremonyReason.WRONG_PART),
        ("viktor", Part.WITNESS, {}, CeremonyReason.NOT_ENTERED),
        ("viktor", Part.WITNESS, {"phrase": "other words"}, CeremonyReason.WRONG_PHRASE),
        ("hana", Part.ADMINISTRATOR, {"more": "x"}, CeremonyReason.NOT_ENTERED),
    ],
)
def test_what_the_host_would_refuse_never_leaves(
    officer: str, part: Part, entered: dict[str, str], reason: CeremonyReason
) -> None:
    play = play_at("open")
    with pytest.raises(CeremonyRefused) as refused:
        sign_request(play.course, part, signer(officer), play.now, entered=entered)
    assert refused.value.reason is reason


def test_nothing_is_signed_when_it_is_over() -> None:
    play = play_at("open")
    play.say(Word.ABORT, "Over.")
    with pytest.raises(CeremonyRefused, match="over"):
        step_of(play.course)


def test_who_signs_as_what() -> None:
    play = play_at("open")
    waiting = waiting_at(play)
    assert parts_to_sign(play.course, waiting, "hana") == (Part.ADMINISTRATOR,)
    assert parts_to_sign(play.course, waiting, "ada") == (Part.CUSTODIAN,)
    assert parts_to_sign(play.course, waiting, "nobody") == ()
    signed = replace(waiting, signed=(("hana", "administrator"),))
    assert parts_to_sign(play.course, signed, "hana") == ()


def test_entries_are_spelled_as_they_are_signed() -> None:
    play = play_at("hand-out")
    given = {"read-alone": " Yes ", "written-down": "y", "bag": " KT-00417 "}
    found = entries(play.course, Part.CUSTODIAN, given)
    assert found == {"read-alone": "yes", "written-down": "yes", "bag": "KT-00417"}
    assert missing_entries(play.course, Part.CUSTODIAN, found) == ()
    left = missing_entries(play.course, Part.CUSTODIAN, {"read-alone": " "})
    assert left == ("read-alone", "written-down")
    opening = play_at("open")
    phrase = opening.course.phrase
    typed = {"phrase": f"  {phrase.upper()}  "}
    assert entries(opening.course, Part.WITNESS, typed) == {"phrase": phrase}


@pytest.mark.parametrize(
    ("officer", "word", "part"),
    [
        ("hana", Word.ABORT, Part.ADMINISTRATOR),
        ("viktor", Word.RESUME, Part.WITNESS),
        ("viktor", Word.EXCEPTION, Part.WITNESS),
        ("sofia", Word.NOTE, Part.SCRIBE),
        ("greta", Word.NOTE, Part.CUSTODIAN),
    ],
)
def test_words_are_said_by_those_who_may(officer: str, word: Word, part: Part) -> None:
    play = play_at("hand-out")
    assert part_to_say(play.course, officer, word) is part
    request = say_request(play.course, part, signer(officer), play.now, word, "A text.")
    check_said(play.course, parse_said(request.envelope), play.now)


@pytest.mark.parametrize(
    ("officer", "word"), [("sofia", Word.ABORT), ("ada", Word.EXCEPTION), ("nobody", Word.NOTE)]
)
def test_words_are_not_said_by_others(officer: str, word: Word) -> None:
    with pytest.raises(CeremonyRefused, match="not"):
        part_to_say(play_at("hand-out").course, officer, word)


def test_a_word_in_a_part_that_one_does_not_have() -> None:
    play = play_at("hand-out")
    with pytest.raises(CeremonyRefused, match="does not take part"):
        say_request(play.course, Part.WITNESS, signer("ada"), play.now, Word.NOTE, "A text.")


def test_statements_are_shown_and_signed_each_by_its_part() -> None:
    play = play_at("sign-founding")
    shown = shown_statements(play.course, waiting_at(play))
    assert [(each.role, each.statement.kind.value) for each in shown] == [
        ("propose", "roster"),
        ("propose", "keys"),
        ("approve", "roster"),
        ("approve", "keys"),
    ]
    proposed = sign_statements(shown, signer("hana"), play.now)
    assert [parse_statement(each).proposer for each in proposed] == ["hana", "hana"]
    approved = [parse_approval(each) for each in sign_statements(shown, signer("ada"), play.now)]
    assert [each.statement for each in approved] == [
        parse_envelope(each).digest for each in proposed
    ]
    request = sign_request(play.course, Part.OFFICER, signer("hana"), play.now, attached=proposed)
    check_step_signature(
        play.course, parse_step_signature(request.envelope), play.now, attached=request.attached
    )


def test_another_roster_than_the_plans_is_not_signed() -> None:
    """The host, or whoever sits between, puts an officer of its own into the first roster."""
    play = play_at("sign-founding")
    waiting = waiting_at(play)
    forged = list(waiting.statements)
    forged[0] = replace(
        waiting.statements[0],
        payload=waiting.statements[0].payload.replace(b"Hana Novak", b"Mallory"),
    )
    with pytest.raises(CeremonyRefused, match="another roster"):
        shown_statements(play.course, replace(waiting, statements=tuple(forged)))


def test_keys_of_another_authority_than_the_founded_one_are_not_signed() -> None:
    """Officers' signatures under them would do where the same officers have another authority."""
    play = play_at("sign-founding")
    waiting = waiting_at(play)
    roster, keys = waiting.statements[:2]
    fields = load_object(keys.payload, limit=1 << 20, what="keys")
    assert fields["authority"] == digest_of(roster.payload)
    other = dump({**fields, "authority": digest_of(b"production")})
    forged = (roster, replace(keys, payload=other), *waiting.statements[2:])
    with pytest.raises(CeremonyRefused, match="of another authority") as refused:
        shown_statements(play.course, replace(waiting, statements=forged))
    assert refused.value.found == digest_of(b"production")
    assert refused.value.expected == digest_of(roster.payload)


def test_nothing_is_signed_that_the_step_is_not_about() -> None:
    """The host asks the officers for a revocation, a policy, whatever it likes, beside the keys."""
    play = play_at("sign-founding")
    waiting = waiting_at(play)
    payload = load_object(waiting.statements[1].payload, limit=1 << 20, what="keys")
    kind = Kind.REVOCATION
    body = {"target_kind": "model", "target": digest_of(b"a model")}
    subject = f"model:{body['target']}"
    other = {**payload, "type": kind.value, "subject": subject, "expires": None, "body": body}
    forged = StatementToSign(kind.value, "propose", payload_type(kind.value), dump(other))
    with pytest.raises(CeremonyRefused, match="not about"):
        shown_statements(play.course, replace(waiting, statements=(forged,)))


def test_keys_of_a_rehearsal_are_signed_as_such_only() -> None:
    """Officers sign them with their real keys: in a bundle they would be the authority's own."""
    play = play_at("sign-founding")
    waiting = waiting_at(play)
    keys = waiting.statements[1]
    assert (play.course.plan.rehearsal, keys.kind) == (True, "keys")
    forged = replace(keys, payload=keys.payload.replace(b"rehearsal.keyturn", b"keyturn"))
    with pytest.raises(CeremonyRefused, match="another log"):
        shown_statements(play.course, replace(waiting, statements=(forged,)))


@pytest.mark.parametrize(
    "changed",
    [
        {"role": "countersign"},
        {"payload_type": "application/vnd.keyturn.revocation.v1+json"},
        {"payload": b"{}"},
    ],
)
def test_a_statement_of_no_known_kind_is_not_signed(changed: dict[str, Any]) -> None:
    play = play_at("sign-founding")
    waiting = waiting_at(play)
    bad = replace(waiting.statements[0], **changed)
    with pytest.raises((CeremonyRefused, MalformedError)):
        shown_statements(play.course, replace(waiting, statements=(bad,)))


def test_shares_for_a_locked_host_sign_no_step() -> None:
    play = play_at("open")
    request = unlock_request(play.course, signer("ada"), play.now, [b"sealed"])
    signature = parse_step_signature(request.envelope)
    assert (signature.part, len(signature.attached)) == (Part.CUSTODIAN, 1)
    assert b64(b"sealed") in str(request.document())
    with pytest.raises(CeremonyRefused) as refused:  # as a step's signature it is worth nothing
        check_step_signature(play.course, signature, play.now, attached=request.attached)
    assert refused.value.reason in (CeremonyReason.WRONG_ATTACHMENT, CeremonyReason.WRONG_PART)
