from datetime import UTC, datetime

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import KekProfile, read_plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.client.ceremonyplans import (
    About,
    Cast,
    Founds,
    compose_plan,
    founding_roster,
    read_scheme_text,
)
from support.ceremonies import Cast as People

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ENTRIES: list[JsonObject] = People().body()["officers"]  # type: ignore[assignment]
ROSTER = founding_roster(ENTRIES, simulation=True)
SHARES = {
    ShareUse.USER: read_scheme_text(["3:ada,bela,chen,dora,emil"]),
    ShareUse.SO: read_scheme_text(["2:farid,greta,hugo"]),
}
CAST = Cast("hana", "viktor", "sofia", SHARES)
KEPT = KekProfile.NEVER_EXTRACTABLE
GENESIS = About("keyturn", kek_profile=KEPT)
FOUNDS = Founds("keyturn.example/log", ROSTER)


def test_a_genesis() -> None:
    plan = compose_plan(ScriptKind.GENESIS, CAST, GENESIS, NOW, FOUNDS)
    assert read_plan(plan.to_payload()) == plan
    assert plan.ceremony == "genesis-20261130-090000"
    assert plan.script == SCRIPTS[ScriptKind.GENESIS].digest
    assert plan.founding is not None
    assert set(plan.founding.roster.officers) == set(People().people)


def test_a_rehearsal_says_so_in_its_id() -> None:
    about = About("keyturn", rehearsal=True, kek_profile=KEPT)
    plan = compose_plan(ScriptKind.GENESIS, CAST, about, NOW, FOUNDS)
    assert plan.rehearsal
    assert plan.ceremony == "rehearsal-genesis-20261130-090000"
    named = About("keyturn", rehearsal=True, ceremony="genesis-1", kek_profile=KEPT)
    with pytest.raises(MalformedError, match="rehearsal-"):
        compose_plan(ScriptKind.GENESIS, CAST, named, NOW, FOUNDS)


def test_an_unseal_of_an_authority() -> None:
    about = About("keyturn", authority=Digest("sha256:" + "a1" * 32))
    plan = compose_plan(ScriptKind.UNSEAL, Cast("hana", "viktor", None, {}), about, NOW)
    assert (plan.shares, plan.founding) == ({}, None)


@pytest.mark.parametrize(
    ("cast", "about", "founds"),
    [
        (CAST, GENESIS, None),
        (CAST, About("keyturn", kek_profile=KEPT, ceremony="Genesis!"), FOUNDS),
        (Cast("hana", "hana", None, SHARES), GENESIS, FOUNDS),
        (Cast("viktor", "sofia", None, SHARES), GENESIS, FOUNDS),
        (Cast("hana", "viktor", None, {}), GENESIS, FOUNDS),
        (CAST, About("keyturn", kek_profile=KekProfile.RECOVERABLE), FOUNDS),
        (CAST, GENESIS, Founds("keyturn.example/log", {})),
    ],
)
def test_what_the_host_would_refuse(cast: Cast, about: About, founds: Founds | None) -> None:
    with pytest.raises((MalformedError, CeremonyRefused)):
        compose_plan(ScriptKind.GENESIS, cast, about, NOW, founds)


def test_schemes_are_read_as_they_are_written() -> None:
    assert read_scheme_text(["3:a,b,c,d,e"]).document() == {
        "group_threshold": 1,
        "groups": [{"threshold": 3, "members": ["a", "b", "c", "d", "e"]}],
    }
    both = read_scheme_text(["2:a,b,c", "1:d"])
    assert (both.group_threshold, len(both.groups)) == (2, 2)
    assert read_scheme_text(["2:a,b,c", "2:d,e"], 1).group_threshold == 1


@pytest.mark.parametrize(
    "texts", [["3"], ["x:a,b"], ["3:a,b"], ["1:a,b"], ["2:a,a"], ["2:A,b"], [], ["1:a"], ["2:,"]]
)
def test_schemes_that_cannot_be(texts: list[str]) -> None:
    with pytest.raises(MalformedError):
        read_scheme_text(texts)


def test_a_first_roster_has_the_thresholds_of_the_design() -> None:
    assert ROSTER["thresholds"]["roster"] == 3  # type: ignore[index,call-overload]
    with pytest.raises(MalformedError):
        founding_roster(ENTRIES[:2], simulation=True)
    with pytest.raises(MalformedError):
        founding_roster([{"id": "ada"}], simulation=True)
