"""Statements that a step has signed: exactly those, by those who may."""

from pathlib import Path

import pytest

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import StepSignature, parse_step_signature
from keyturn.keyholder.ceremonies.actions.statements import (
    Composed,
    check_attached,
    gathered,
    keep_composed,
    keep_signed,
    kept_composed,
    kept_signed,
    proposer_of,
    to_sign,
)
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.kinds import Kind, payload_type
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.statements import compose_payload
from support.authority import sign
from support.ceremonies import Cast, Play, genesis_plan
from support.ceremonies_host import approval, now

CAST = Cast()
ROSTER = CAST.roster


def payload(reason: str = "for a test") -> bytes:
    return compose_payload(
        Kind.ROSTER,
        "roster",
        authority=None,
        version=1,
        replaces=None,
        proposer="hana",
        time=now(),
        reason=reason,
        body=dict(CAST.body()),
    )


COMPOSED = Composed(OfficerId("hana"), {Kind.ROSTER: payload()})
DIGEST = COMPOSED.digest(Kind.ROSTER)


def statement(by: str, raw: bytes | None = None) -> bytes:
    return sign(payload_type("roster"), raw or COMPOSED.payloads[Kind.ROSTER], CAST.key(by))


def signature(officer: str) -> StepSignature:
    play = Play(CAST, genesis_plan(CAST))
    return play.signature(officer, Part.OFFICER, entered={}, attached=())


def refused(officer: str, raw: bytes) -> CeremonyReason:
    with pytest.raises(CeremonyRefused) as error:
        check_attached(COMPOSED, ROSTER, signature(officer), (raw,))
    return error.value.reason


def test_a_proposer_proposes_and_others_approve() -> None:
    check_attached(COMPOSED, ROSTER, signature("hana"), (statement("hana"),))
    check_attached(COMPOSED, ROSTER, signature("ada"), (approval(CAST, DIGEST, "ada"),))


def test_nothing_else_is_taken() -> None:
    wrong = CeremonyReason.WRONG_ATTACHMENT
    assert refused("ada", statement("ada")) is wrong
    assert refused("hana", statement("hana", payload("another"))) is wrong
    other = Composed(OfficerId("hana"), {Kind.ROSTER: payload("another")}).digest(Kind.ROSTER)
    assert refused("ada", approval(CAST, other, "ada")) is wrong
    assert refused("farid", approval(CAST, DIGEST, "farid")) is wrong
    assert refused("ada", approval(CAST, DIGEST, "bela")) is CeremonyReason.BAD_SIGNATURE
    rejection = approval_payload(DIGEST, Decision.REJECT, officer="ada", time=now())
    assert refused("ada", sign(APPROVAL_TYPE, rejection, CAST.key("ada"))) is wrong


def test_what_is_there_is_gathered_by_statement() -> None:
    first = approval(CAST, DIGEST, "ada")
    assert gathered(COMPOSED, {"ada": (first,)}) is None
    raw = statement("hana")
    assert gathered(COMPOSED, {"ada": (first,), "hana": (raw,)}) == {Kind.ROSTER: (raw, (first,))}


def test_composed_and_signed_are_kept(tmp_path: Path) -> None:
    files = CeremonyFiles(tmp_path / "one")
    files.clean()
    for read in (kept_composed, kept_signed):
        with pytest.raises(CeremonyRefused):
            read(files)
    keep_composed(files, COMPOSED)
    assert kept_composed(files) == COMPOSED
    signed = {Kind.ROSTER: (statement("hana"), (approval(CAST, DIGEST, "ada"),))}
    keep_signed(files, signed)
    assert kept_signed(files) == signed


def test_each_is_to_be_proposed_and_approved() -> None:
    assert [(each.kind, each.role) for each in to_sign(COMPOSED)] == [
        ("roster", "propose"),
        ("roster", "approve"),
    ]
    assert proposer_of(ROSTER, OfficerId("hana")) == "hana"
    assert proposer_of(ROSTER, OfficerId("farid")) == "hana"
    assert parse_step_signature(signature("ada").raw).officer == "ada"
