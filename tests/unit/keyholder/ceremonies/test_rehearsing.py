"""Who holds the shares that a rehearsal finds. (Rehearsals themselves: tests/flows.)"""

import pytest

from keyturn.base.strictjson import Fields
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.script import ShareUse
from keyturn.keyholder.ceremonies.rehearsing import _founders, schemes_for
from keyturn.quorum.roster import parse_roster
from support.ceremonies import CAST, Cast


def test_user_and_so_shares_have_different_custodians() -> None:
    schemes = schemes_for(Cast().roster)
    user, so = schemes[ShareUse.USER], schemes[ShareUse.SO]
    assert not set(user.officers) & set(so.officers)
    assert (user.groups[0].threshold, so.groups[0].threshold) == (3, 2)
    assert set(schemes) == set(ShareUse)


def test_with_too_few_custodians_there_is_no_rehearsal() -> None:
    few = {name: CAST[name] for name in ("hana", "viktor", "ada", "bela", "chen", "dora")}
    roster = parse_roster(Fields(Cast(people=few).body(), "roster"))
    with pytest.raises(CeremonyRefused) as refused:
        schemes_for(roster)
    assert refused.value.reason is CeremonyReason.UNFIT_PARTICIPANT


def test_the_founders_of_a_rehearsal_are_nobody() -> None:
    first, second = _founders(), _founders()
    assert {each.signer.key_id for each in first}.isdisjoint(each.signer.key_id for each in second)
