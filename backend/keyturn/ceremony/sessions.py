"""Transcripts of the two ceremonies without a plan, unseal and seal (our protocol §10.12).

Two records: one that says what the keyholder was, and one that it was unsealed or sealed, with the
signatures for it.
"""

import re
from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.ceremony.anchoring import open_bundle, roster_at
from keyturn.ceremony.checks import check_between, check_envelope
from keyturn.ceremony.course import fulfils, schemes_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.factreading import read_facts, read_opened
from keyturn.ceremony.facts import Facts, Opened, Unlocked
from keyturn.ceremony.logged import LoggedAs, look_in_log
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import Part, Script, ScriptKind, ShareUse, Step, parse_script
from keyturn.ceremony.sharesets import check_sets
from keyturn.ceremony.steps import Place, StepSignature, parse_step_signature
from keyturn.ceremony.transcript import LookedAt, Transcript
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId, Roster

_ID = re.compile(r"(unseal|seal)-[0-9a-f]{32}\Z")
_ROLES = {Part.CUSTODIAN: Role.CUSTODIAN, Part.ADMINISTRATOR: Role.OPERATOR}


@dataclass(frozen=True, slots=True)
class VerifiedSession:
    """An unsealing or a sealing of which everything holds."""

    script: Script
    opened: Opened
    first: Record
    done: Record
    facts: Facts
    signatures: tuple[StepSignature, ...]
    roster: Roster
    authority: Digest
    looked_at: LookedAt

    @property
    def ceremony(self) -> str:
        return self.first.ceremony

    @property
    def step(self) -> Step:
        return self.script.steps[0]

    @property
    def digest(self) -> Digest:
        return self.done.digest


def is_session(transcript: Transcript) -> bool:
    """Whether it claims to be one of these: then it has no plan, and `verify_session` proves it."""
    first = transcript.records[0]
    return not first.signed and bool(_ID.match(first.ceremony))


def verify_session(transcript: Transcript, fingerprint: Digest | None = None) -> VerifiedSession:
    """Prove it; `fingerprint` is needed, as nothing in it names the authority.

    Raises CeremonyRefused, MalformedError.
    """
    if len(transcript.records) != 2:
        raise MalformedCeremony(
            "a keyholder is unsealed or sealed in two records",
            found=str(len(transcript.records)),
            expected="2",
        )
    first, done = transcript.records
    script, opened = _read_first(first)
    if transcript.bundle is None or fingerprint is None:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "whose keyholder this is cannot be told",
            found="a transcript that names no authority",
            expected="the authority's bundle and its fingerprint",
            hint="name them with --bundle and --fingerprint",
        )
    authority = open_bundle(transcript.bundle, fingerprint, first.time)
    roster = roster_at(authority, first.time)
    _check_second(first, done, script.steps[0])
    signatures = tuple(_signature(raw, first, done, script.steps[0], roster) for raw in done.signed)
    facts = read_facts(script.steps[0].action, done.facts)
    _check_enough(script.kind, opened, facts, signatures)
    of = LoggedAs(first.ceremony, script.kind, transcript.records)
    log = look_in_log(of, authority, transcript.receipts)
    looked_at = LookedAt(True, True, log)
    return VerifiedSession(
        script, opened, first, done, facts, signatures, roster, fingerprint, looked_at
    )


def _read_first(first: Record) -> tuple[Script, Opened]:
    opened = read_opened(first.facts)
    script = parse_script(opened.script)
    found = _ID.match(first.ceremony)
    if found is None or first.rehearsal or first.signed or first.event is not Event.OPENED:
        raise MalformedCeremony(
            "record 0: not the opening of an unsealing or a sealing", found=first.ceremony
        )
    kinds = {"unseal": ScriptKind.UNSEAL, "seal": ScriptKind.SEAL}
    if script.kind is not kinds[found[1]] or len(script.steps) != 1:
        raise CeremonyRefused(
            CeremonyReason.WRONG_SCRIPT,
            "record 0: the script is of another kind",
            found=script.kind.value,
            expected=found[1],
        )
    check_sets(opened.custody, rehearsal=False)
    return script, opened


def _check_second(first: Record, done: Record, step: Step) -> None:
    said = (done.ceremony, done.rehearsal, done.seq, done.previous, done.event, done.step)
    if said != (first.ceremony, False, 1, first.digest, Event.DONE, step.id):
        raise CeremonyRefused(
            CeremonyReason.BROKEN_CHAIN,
            "record 1: it does not follow from the one before",
            found=f"{done.event.value} of {done.step} after {done.previous}",
            expected=f"done of {step.id} after {first.digest}",
        )


def _signature(
    raw: bytes, first: Record, done: Record, step: Step, roster: Roster
) -> StepSignature:
    signature = parse_step_signature(raw)
    officer = check_envelope(signature.envelope, signature.officer, roster)
    place = Place(first.ceremony, False, 1, first.digest)
    if signature.place != place or signature.step != step.id:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PLACE,
            "record 1: signed for another place",
            found=f"{signature.place.ceremony}, record {signature.place.seq}, {signature.step}",
            expected=f"{place.ceremony}, record 1, {step.id}",
        )
    role = _ROLES.get(signature.part)
    if role is None or role not in officer.roles:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PART,
            f"record 1: {officer.id} does not take part as {signature.part.value}",
            found=", ".join(sorted(each.value for each in officer.roles)),
            expected=role.value if role else "a custodian or an operator",
        )
    check_between(signature.time, first, done)
    return signature


def _check_enough(
    kind: ScriptKind, opened: Opened, facts: Facts, signatures: tuple[StepSignature, ...]
) -> None:
    officers = [each.officer for each in signatures]
    if len(set(officers)) != len(officers):
        raise CeremonyRefused(
            CeremonyReason.SIGNED_ALREADY,
            "record 1: an officer signed twice",
            found=", ".join(officers),
            expected="each officer once",
        )
    if kind is ScriptKind.SEAL:
        enough = len(signatures) == 1
    else:
        scheme = schemes_of(opened.custody).get(ShareUse.USER)
        custodians = all(
            each.part is Part.CUSTODIAN and len(each.attached) == 1 for each in signatures
        )
        told = isinstance(facts, Unlocked) and _told(facts, opened, officers)
        enough = custodians and told and scheme is not None and fulfils(scheme, officers)
        enough = enough and set(officers) <= set(scheme.officers if scheme else ())
    if not enough:
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            "record 1: not the signatures that it needs",
            found=", ".join(officers) or "none",
            expected="one" if kind is ScriptKind.SEAL else "a quorum of the user PIN's custodians",
        )


def _told(facts: Unlocked, opened: Opened, officers: list[OfficerId]) -> bool:
    """Whether the record names the set that there was, and those who signed."""
    ids = {each.identifier for each in opened.custody if each.use is ShareUse.USER}
    named = facts.use is ShareUse.USER and facts.identifier in ids
    return named and set(facts.officers) == set(officers)
