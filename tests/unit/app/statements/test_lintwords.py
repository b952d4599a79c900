"""Every remark has words, and every severity a look of its own."""

import re
from pathlib import Path

import pytest

from keyturn.policy import remarks
from keyturn.policy.remarks import LintCode, LintRemark, Severity, remark
from keyturn_app.statements.lintwords import lint_words, severity_look

SOURCE = Path(remarks.__file__).read_text(encoding="utf-8")


def named(code: LintCode) -> LintRemark:
    """With the values that stand beside the code in its source."""
    found = re.search(rf'\b{code.name} = "[^"]+"(?:  # ([a-z_, ]+))?', SOURCE)
    assert found is not None
    names = [each.strip() for each in (found[1] or "").split(",") if each.strip()]
    return remark("", Severity.NOTE, code, **dict.fromkeys(names, "x"))


@pytest.mark.parametrize("code", LintCode)
def test_every_code_has_words(code: LintCode) -> None:
    kind_of = {"NOT_IN_FORCE": ("kind", "subject", "why")}
    values = {**named(code).named, **dict.fromkeys(kind_of.get(code.name, ()), "x")}
    words = lint_words(remark("", Severity.NOTE, code, **values))
    assert words
    assert "{" not in words


def test_a_severity_is_never_colour_alone() -> None:
    looks = [severity_look(each) for each in Severity]
    assert len({each.icon for each in looks}) == len({each.word for each in looks}) == 3
