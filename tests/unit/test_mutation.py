"""Mutation testing takes one check at a time, and says truthfully what nobody noticed."""

from types import ModuleType

import pytest

from mutation import SOURCES, SURVIVORS, Result, Task, read_survivors, verdict
from support.mutants import Mutant, find_mutants, implant, mutated

SOURCE = """
LIMIT = 3

def check(a, b):
    if a > LIMIT or b:
        raise ValueError("too much")
    verify(a)
    found = [each for each in (1, 2, 3) if each != a]
    found.append(9)
    return found

def verify(a):
    if not all(each for each in (a,)):
        raise ValueError("nothing")

class Rule:
    @property
    def met(self) -> bool:
        return LIMIT > 2 and LIMIT > 1

    @staticmethod
    def pairs(a, b):
        return list(zip(a, b, strict=True))

def appraise(rule):
    return judge("rule", rule.met, found=1)

def judge(name, met, found):
    return met
"""


def without(kind: str, text: str) -> ModuleType:
    """The module with that check taken out of it while it lives."""
    (number,) = [
        each.number for each in find_mutants(SOURCE) if each.kind == kind and text in each.text
    ]
    module = ModuleType("taken")
    exec(compile(SOURCE, "taken", "exec"), vars(module))
    (mutant,) = [each for each in find_mutants(SOURCE) if each.number == number]
    implant(module, mutated(SOURCE, number), mutant.where)
    return module


def test_every_check_is_found_once_with_its_function_and_lines() -> None:
    found = find_mutants(SOURCE)
    assert [(each.where, each.kind, each.text, each.first) for each in found] == [
        ("check", "call", "verify(a)", 7),
        ("check", "if", "a > LIMIT", 5),
        ("check", "if", "b", 5),
        ("check", "filter", "each != a", 8),
        ("verify", "if", "not all((each for each in (a,)))", 13),
        ("verify", "all", "all((each for each in (a,)))", 13),
        ("Rule.met", "return True", "LIMIT > 2", 19),
        ("Rule.met", "return True", "LIMIT > 1", 19),
        ("Rule.met", "return False", "LIMIT > 2 and LIMIT > 1", 19),
        ("Rule.pairs", "strict", "zip(a, b, strict=True)", 23),
        ("appraise", "judge", "rule.met", 26),
    ]
    assert len({each.name for each in found}) == len(found)


def test_a_mutant_lacks_that_check_and_no_other() -> None:
    whole = without("filter", "each != a")
    assert whole.check(1, False) == [1, 2, 3, 9]
    with pytest.raises(ValueError, match="too much"):
        whole.check(4, False)
    assert without("if", "a > LIMIT").check(4, False)
    with pytest.raises(ValueError, match="too much"):
        without("if", "a > LIMIT").check(4, True)
    assert without("if", "b").check(1, True)
    with pytest.raises(ValueError, match="nothing"):
        without("if", "b").check(0, True)
    assert without("call", "verify(a)").check(0, False)
    assert without("all", "all(").check(0, False)


def test_properties_static_methods_and_judgements_are_taken_too() -> None:
    assert without("return False", "LIMIT").Rule().met is False
    assert without("strict", "zip").Rule.pairs((1,), (1, 2)) == [(1, 1)]
    module = without("judge", "rule.met")
    assert module.appraise(None) is True


def test_equal_checks_of_one_function_have_names_of_their_own() -> None:
    source = "def f(a):\n    if a:\n        return 1\n    if a:\n        return 2\n"
    assert [each.name for each in find_mutants(source)] == ["f: if: a", "f: if 2: a"]


def test_what_makes_a_value_is_no_check() -> None:
    source = "class A(B):\n    def __init__(self):\n        super().__init__(1)\n        check()\n"
    assert [each.text for each in find_mutants(source)] == ["check()"]


def test_each_condition_of_a_shortcut_is_a_check() -> None:
    source = "def f(kept, now):\n    if kept and now < 3:\n        return kept\n    return now\n"
    found = find_mutants(source)
    assert [each.name for each in found] == [
        "f: if: kept and now < 3",
        "f: shortcut: kept",
        "f: shortcut: now < 3",
    ]
    module = ModuleType("taken")
    exec(compile(source, "taken", "exec"), vars(module))
    implant(module, mutated(source, 2), "f")
    assert module.f(1, 5) == 1


def result(name: str, outcome: str) -> Result:
    mutant = Mutant(0, "f", "if", name, 1, 1)
    return Result(Task("attest/tdx.py", mutant), outcome, "", 0.1)


def test_a_survivor_must_be_listed_and_a_listed_one_must_survive() -> None:
    results = [result("a", "survived"), result("b", "killed"), result("c", "survived")]
    allowed = {
        "attest/tdx.py: f: if: a": "why",
        "attest/tdx.py: f: if: b": "why",
        "attest/tdx.py: f: if: gone": "why",
        "attest/snp.py: f: if: z": "of a module that was not looked at",
    }
    assert verdict(results, allowed) == [
        "survived: attest/tdx.py:1 f: if: c",
        "listed as a survivor, and is none: attest/tdx.py: f: if: b",
        "listed as a survivor, and is none: attest/tdx.py: f: if: gone",
    ]
    unknown = [result("a", "timed out"), result("b", "not run")]
    assert verdict(unknown, dict(list(allowed.items())[:2])) == []


@pytest.mark.parametrize("text", ["a: f: if: x", "a: f: if: x  # ", "a: x  # y\na: x  # z"])
def test_a_survivor_stands_once_and_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match="survivor"):
        read_survivors(text)


def test_listed_survivors_are_checks_that_are_there() -> None:
    for name in read_survivors(SURVIVORS.read_text()):
        module, _, check = name.partition(": ")
        source = (SOURCES / module).read_text()
        assert check in {each.name for each in find_mutants(source)}
