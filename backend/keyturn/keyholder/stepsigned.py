"""Signatures of the two ceremonies without a plan: unseal and seal (our protocol §10.12)."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from keyturn.base.errors import MalformedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import Place, StepSignature, parse_step_signature
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.judge import signer_of
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import Roster

SKEW = timedelta(seconds=120)
ROLES: Mapping[Part, Role] = {Part.CUSTODIAN: Role.CUSTODIAN, Part.ADMINISTRATOR: Role.OPERATOR}
"""The role that a part needs (our protocol §10.9)."""


def check_step(
    raw: bytes, place: Place, step: str, roster: Roster, parts: Collection[Part], now: datetime
) -> StepSignature:
    """One officer's signature over exactly this step at exactly this place.

    Raises MalformedError, CeremonyRefused.
    """
    signature = parse_step_signature(raw)
    _check_place(signature, place, step)
    if signature.part not in parts:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PART,
            "this part does not sign this step",
            found=signature.part.value,
            expected=" or ".join(sorted(each.value for each in parts)),
        )
    _check_signer(signature, roster)
    if abs(now - signature.time) > SKEW:
        raise CeremonyRefused(
            CeremonyReason.WRONG_TIME,
            "the signature's time is too far from the keyholder's",
            found=signature.time.isoformat(),
            expected=f"within {SKEW.seconds} s of {now.isoformat()}",
            hint="set the clocks right, then sign again",
        )
    return signature


def _check_place(signature: StepSignature, place: Place, step: str) -> None:
    found = signature.place
    if (found.ceremony, found.rehearsal) != (place.ceremony, place.rehearsal):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "signed for another session",
            found=found.ceremony[:64],
            expected=place.ceremony,
            hint="the keyholder was started or sealed since: look at it again, then sign again",
        )
    if (found.seq, found.previous) != (place.seq, place.previous):
        raise CeremonyRefused(
            CeremonyReason.WRONG_PLACE,
            "signed after another record",
            found=f"{found.seq} after {found.previous}",
            expected=f"{place.seq} after {place.previous}",
            hint="whoever showed you the keyholder showed you another record than its own",
        )
    if signature.step != step:
        raise CeremonyRefused(
            CeremonyReason.WRONG_STEP,
            "signed for another step",
            found=signature.step[:40],
            expected=step,
        )


def _check_signer(signature: StepSignature, roster: Roster) -> None:
    try:
        signer = signer_of(signature.envelope, roster)
    except (SubmissionRefused, MalformedError) as error:
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            error.message,
            found=error.found,
            expected=error.expected,
        ) from error
    if signer.id != signature.officer:
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            "signed by somebody else than it says",
            found=signer.id,
            expected=signature.officer[:64],
        )
    role = ROLES[signature.part]
    if role not in signer.roles:
        raise CeremonyRefused(
            CeremonyReason.UNFIT_PARTICIPANT,
            f"{signer.id} has not the role for this",
            found=", ".join(sorted(each.value for each in signer.roles)) or "no role",
            expected=role.value,
        )
