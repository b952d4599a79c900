"""Plans as documents, and their own rules."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump
from keyturn.ceremony.plan import (
    PLAN_TYPE,
    Plan,
    check_plan,
    parse_plan,
    read_plan,
    read_scheme,
)
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.quorum.roster import OfficerId
from support.authority import sign
from support.ceremonies import EVERY_SCHEME, Cast, genesis_plan, scheme, signed

CAST = Cast()
PLAN = genesis_plan(CAST)
Change = Callable[[dict[str, Any]], object]


def bent(change: Change) -> bytes:
    document = json.loads(PLAN.to_payload())
    change(document)
    return dump(document)


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        genesis_plan(CAST, rehearsal=False),
        replace(PLAN, scribe=None, concerns=("emil", "ab" * 32)),
        replace(
            PLAN,
            kind=ScriptKind.UNSEAL,
            founding=None,
            authority=digest_of(b"an authority"),
            statement=digest_of(b"a statement"),
            shares={},
            kek_profile=None,
        ),
    ],
)
def test_a_plan_is_read_back_as_it_was_written(plan: Plan) -> None:
    assert read_plan(plan.to_payload()) == plan
    found = signed(CAST, plan)
    assert (found.plan, found.digest) == (plan, digest_of(plan.to_payload()))


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(more=1),
        lambda it: it.pop("statement"),
        lambda it: it.update(type="plan"),
        lambda it: it.update(format=2),
        lambda it: it.update(ceremony="genesis-1"),
        lambda it: it.update(ceremony="rehearsal-UPPER"),
        lambda it: it.update(rehearsal=False),
        lambda it: it.update(rehearsal="yes"),
        lambda it: it.update(authority=digest_of(b"x")),
        lambda it: it.update(founding=None),
        lambda it: it.update(administrator="Hana Novak"),
        lambda it: it.update(scribe=""),
        lambda it: it.update(kek_profile="soft"),
        lambda it: it.update(token=""),
        lambda it: it.update(token="x" * 33),
        lambda it: it.update(token="a\u202eb"),
        lambda it: it.update(concerns=["emil", "emil"]),
        lambda it: it.update(time="yesterday"),
        lambda it: it["founding"].update(more=1),
        lambda it: it["founding"].update(life_days=0),
        lambda it: it["founding"].update(roster=[]),
        lambda it: it["founding"]["roster"].update(more=1),
        lambda it: it["shares"].update(crown=it["shares"]["user"]),
        lambda it: it["shares"]["user"].update(group_threshold=2),
        lambda it: it["shares"]["user"]["groups"][0].update(threshold=6),
        lambda it: it["shares"]["user"]["groups"][0].update(threshold=1),
        lambda it: it["shares"]["user"]["groups"][0].update(members=["ada", "Bela", "chen"]),
        lambda it: it["shares"]["user"].update(groups=[]),
    ],
)
def test_anything_else_is_refused(change: Change) -> None:
    with pytest.raises(MalformedError):
        read_plan(bent(change))


@pytest.mark.parametrize(
    "changed",
    [
        {"witness": OfficerId("hana")},
        {"witness": OfficerId("sofia")},
        {"witness": OfficerId("ada")},
        {"witness": OfficerId("greta")},
        {"shares": {**EVERY_SCHEME, ShareUse.SO: scheme((2, "farid ada hugo"))}},
    ],
)
def test_the_witness_has_no_other_part_and_nobody_holds_both_pins(
    changed: dict[str, object],
) -> None:
    with pytest.raises(MalformedError):
        check_plan(replace(PLAN, **changed))  # type: ignore[arg-type]


def read(document: dict[str, object]) -> object:
    return read_scheme(Fields(document, "a scheme"))  # type: ignore[arg-type]


def groups(*pairs: tuple[int, str]) -> list[dict[str, object]]:
    return [{"threshold": least, "members": who.split()} for least, who in pairs]


@pytest.mark.parametrize(
    ("needed", "of"),
    [
        (1, groups((1, "ada"))),
        (1, groups((1, "ada"), (2, "bela chen"))),
        (3, groups((2, "ada bela"), (2, "chen dora"))),
        (2, groups((2, "ada bela"), (2, "bela dora"))),
        (1, groups((3, "ada bela"))),
        (1, groups((2, " ".join(f"o{each}" for each in range(17))))),
    ],
)
def test_schemes_that_cannot_be(needed: int, of: list[dict[str, object]]) -> None:
    with pytest.raises(MalformedError):
        read({"group_threshold": needed, "groups": of})


def test_groups() -> None:
    of = groups((1, "ada"), (2, "bela chen dora"))
    found = read({"group_threshold": 2, "groups": of})
    assert found == scheme((1, "ada"), (2, "bela chen dora"), needed=2)


def test_another_envelope_is_no_plan() -> None:
    raw = sign(PLAN_TYPE.replace("plan", "step"), PLAN.to_payload(), CAST.key("hana"))
    with pytest.raises(MalformedError):
        parse_plan(raw)
    with pytest.raises(MalformedError):
        parse_plan(raw[:-1])
