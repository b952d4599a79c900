"""`keyturn baseline by-hand`: values that a person writes."""

import json
from pathlib import Path

import pytest

from keyturn.base.strictjson import Fields
from keyturn.quorum.reference_bodies import parse_reference_values
from keyturn.quorum.tee_rules import TdRegister
from unit.cli.officer_desk import Desks, make_desks

VALUE = "0a1b" * 24
REASON = ("--reason", "from the maker's letter of 3 November, read by two")


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


def test_every_kind_of_value(desks: Desks) -> None:
    gpu = ("--gpu", "GH100,550.1,96.00", "--measurement", f"1={VALUE}")
    done = desks.run(
        *("baseline", "by-hand", *REASON, "--snp", VALUE, "--td", f"mrtd={VALUE}"),
        *("--td", f"rtmr0={VALUE}", *gpu, "--json"),
    )
    assert done.exit_code == 0, done.output
    values = parse_reference_values(Fields(json.loads(done.stdout)["body"], "body"))
    assert values.snp.keys() == {VALUE}
    assert values.tdx[0].registers.keys() == {TdRegister.MRTD, TdRegister.RTMR0}
    assert values.gpu[0].measurements == {1: frozenset({VALUE})}
    switch = ("--switch", "LS10,96.10", "--measurement", f"0={VALUE}")
    assert desks.run("baseline", "by-hand", *REASON, *switch, "--json").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 1),
        (("--snp", VALUE[2:]), 1),
        (("--td", f"rtmr0={VALUE}"), 1),
        (("--td", f"rtmr9={VALUE}"), 2),
        (("--td", VALUE), 2),
        (("--td", f"mrtd={VALUE}", "--td", f"mrtd={VALUE}"), 2),
        (("--gpu", "GH100,550"), 2),
        (("--gpu", "GH100,550.1,96"), 1),
        (("--gpu", "a,b,c", "--switch", "d,e"), 2),
        (("--gpu", "a,b,c", "--measurement", f"x={VALUE}"), 2),
        (("--gpu", "a,b,c", "--measurement", f"1={VALUE}", "--measurement", f"1={VALUE}"), 2),
    ],
)
def test_what_is_no_value_is_refused(desks: Desks, arguments: tuple[str, ...], code: int) -> None:
    done = desks.run("baseline", "by-hand", *REASON, *arguments)
    assert done.exit_code == code, done.output


def test_a_reason_is_asked_for(desks: Desks) -> None:
    assert desks.run("baseline", "by-hand", "--snp", VALUE).exit_code == 2
    assert desks.run("baseline", "by-hand", "--reason", "so", "--snp", VALUE).exit_code == 1
