"""A step's signature counts at its one place, by somebody with the role, at its time."""

from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import Place, step_payload
from keyturn.keyholder.stepsigned import check_step
from keyturn.quorum.kinds import payload_type
from keyturn.quorum.roster import Roster, parse_roster
from support.authority import START, Authority, Clock, sign

PLACE = Place("unseal-" + "0f" * 16, False, 1, Digest("sha256:" + "11" * 32))
CUSTODIAN = ["custodian", "approver"]
PARTS = (Part.CUSTODIAN, Part.ADMINISTRATOR)


@pytest.fixture
def authority() -> Authority:
    return Authority(Clock())


def roster_of(authority: Authority, **roles: list[str]) -> Roster:
    body = authority.roster_body()
    for each in body["officers"]:  # type: ignore[attr-defined]
        each["roles"] = roles.get(each["id"], [*CUSTODIAN, "proposer"])
    return parse_roster(Fields(body, "roster"))  # type: ignore[arg-type]


def signed(
    authority: Authority,
    name: str = "ada",
    part: Part = Part.CUSTODIAN,
    *,
    by: str | None = None,
    place: Place = PLACE,
    step: str = "unlock",
    late: float = 0,
    kind: str = "ceremony-step",
) -> bytes:
    payload = step_payload(place, step, name, part, START + timedelta(seconds=late))
    return sign(payload_type(kind), payload, authority.people[by or name].keys[0])


def reason(authority: Authority, raw: bytes, roster: Roster) -> CeremonyReason:
    with pytest.raises(CeremonyRefused) as caught:
        check_step(raw, PLACE, "unlock", roster, PARTS, START)
    return caught.value.reason


def test_the_right_one_counts(authority: Authority) -> None:
    roster = roster_of(authority, ada=CUSTODIAN, bela=["operator", "approver"])
    for name, part in (("ada", Part.CUSTODIAN), ("bela", Part.ADMINISTRATOR)):
        found = check_step(signed(authority, name, part), PLACE, "unlock", roster, PARTS, START)
        assert (found.officer, found.part) == (name, part)
    for late in (-120, 120):
        check_step(signed(authority, late=late), PLACE, "unlock", roster, PARTS, START)


def test_anything_else_does_not(authority: Authority) -> None:
    roster = roster_of(authority, ada=CUSTODIAN, bela=["operator", "approver"])
    other = Place("unseal-" + "00" * 16, False, 1, PLACE.previous)
    later = Place(PLACE.ceremony, False, 2, PLACE.previous)
    behind = Place(PLACE.ceremony, False, 1, Digest("sha256:" + "22" * 32))
    rehearsed = Place(PLACE.ceremony, True, 1, PLACE.previous)
    cases = {
        signed(authority, place=other): CeremonyReason.WRONG_CEREMONY,
        signed(authority, place=rehearsed): CeremonyReason.WRONG_CEREMONY,
        signed(authority, place=later): CeremonyReason.WRONG_PLACE,
        signed(authority, place=behind): CeremonyReason.WRONG_PLACE,
        signed(authority, step="close"): CeremonyReason.WRONG_STEP,
        signed(authority, part=Part.WITNESS): CeremonyReason.WRONG_PART,
        signed(authority, by="bela"): CeremonyReason.BAD_SIGNATURE,
        signed(authority, late=121): CeremonyReason.WRONG_TIME,
        signed(authority, late=-121): CeremonyReason.WRONG_TIME,
        signed(authority, part=Part.ADMINISTRATOR): CeremonyReason.UNFIT_PARTICIPANT,
        signed(authority, "bela"): CeremonyReason.UNFIT_PARTICIPANT,
    }
    for raw, expected in cases.items():
        assert reason(authority, raw, roster) is expected
    stranger = Authority(Clock())
    assert reason(authority, signed(stranger), roster) is CeremonyReason.BAD_SIGNATURE


def test_what_is_no_such_signature_is_malformed(authority: Authority) -> None:
    roster = roster_of(authority)
    for raw in (b"", b"{}", signed(authority, kind="ceremony-word")):
        with pytest.raises(MalformedError):
            check_step(raw, PLACE, "unlock", roster, PARTS, START)
