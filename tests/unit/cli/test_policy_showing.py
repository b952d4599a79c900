"""Words of remarks and tables of impacts."""

import re

import pytest

from keyturn.cli import policy_showing
from keyturn.cli.output import stdout
from keyturn.cli.policy_showing import (
    SHOWN,
    impact_document,
    print_impact,
    print_remarks,
    remark_document,
    words_of,
)
from keyturn.policy.impact_document import preview_digest
from keyturn.policy.preview import preview
from keyturn.policy.remarks import LintCode, warning
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.policy.lint_ground import ground
from unit.policy.test_preview import AT, fleet


@pytest.mark.parametrize("code", list(LintCode))
def test_every_code_has_words(code: LintCode) -> None:
    text = policy_showing._WORDS[code]
    names = re.findall(r"{(\w+)}", text)
    assert "{" not in words_of(warning("x", code, **dict.fromkeys(names, "y")))


def test_words_have_all_values_that_a_policys_remarks_bring() -> None:
    body = policy_body(gpu={"count": 1, "rim": True}, witnesses=3, collateral={"amd-crl": 99})
    for each in ground().remarks(Kind.POLICY, "serving", body):
        assert remark_document(each)["text"]


def test_nothing_to_remark() -> None:
    with stdout.capture() as text:
        print_remarks(())
    assert "Nothing to remark" in text.get()


def test_the_dangerous_direction_comes_first_and_long_lists_are_cut() -> None:
    here = fleet()
    nodes = [here.node(number, gpus=2) for number in range(SHOWN + 1)]
    nodes.append(here.node(99))
    impact = preview(here.policy(gpu={"count": 2}), here.state, nodes, AT, here.now)
    with stdout.capture() as text:
        print_impact(impact, preview_digest(impact))
    shown = text.get()

    assert shown.index(f"Newly get keys: {SHOWN + 1}") < shown.index("Lose keys: 1")
    assert "and 1 more" in shown
    document = impact_document(impact, preview_digest(impact))
    assert document["counts"] == {
        "newly-gets-keys": SHOWN + 1,
        "loses-keys": 1,
        "keeps-keys": 0,
        "still-refused": 0,
        "not-measurable": 0,
    }


def test_a_model_that_goes_dark_is_said() -> None:
    here = fleet()
    impact = preview(here.policy(gpu={"count": 2}), here.state, [here.node(0)], AT, here.now)
    with stdout.capture() as text:
        print_impact(impact, preview_digest(impact))
    assert "GOES DARK: 1 nodes before, 0 after" in text.get()
