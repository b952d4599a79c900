"""What a refusal carries."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony


def test_a_refusal_has_a_stable_reason_beside_its_message() -> None:
    refused = CeremonyRefused(
        CeremonyReason.WRONG_TIME, "a message", found="1", expected="2", hint="do this"
    )
    assert isinstance(refused, UntrustedError)
    assert refused.reason.value == "wrong-time"
    assert (str(refused), refused.hint) == ("a message; found 1; expected 2", "do this")


def test_reasons_are_told_apart() -> None:
    assert len({each.value for each in CeremonyReason}) == len(CeremonyReason)


@pytest.mark.parametrize("reason", list(CeremonyReason))
def test_nobody_is_refused_without_being_told_what_to_do(reason: CeremonyReason) -> None:
    assert CeremonyRefused(reason, "a message").hint.endswith(".")


def test_a_malformed_document_is_malformed() -> None:
    assert issubclass(MalformedCeremony, MalformedError)


PLACES = (
    *("backend/keyturn/ceremony", "backend/keyturn/client", "backend/keyturn/cli"),
    *(
        f"backend/keyturn/keyholder/ceremonies/actions/{name}.py"
        for name in ("backups", "destruction", "opening", "pins")
    ),
    "app/keyturn_app/screens/ceremonies",
)


def refusals(source: str) -> Iterator[tuple[int, set[str]]]:
    """(line, names of what it says) of each refusal that is made in a source text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CeremonyRefused":
            yield node.lineno, {each.arg for each in node.keywords if each.arg is not None}


def test_every_refusal_says_what_was_found_and_what_is_expected() -> None:
    root = Path(__file__).resolve().parents[3]
    made = {
        f"{path.relative_to(root)}:{line}": says
        for place in PLACES
        for path in (sorted((root / place).rglob("*.py")) or [root / place])
        for line, says in refusals(path.read_text(encoding="utf-8"))
    }
    assert len(made) > 60  # the control: they are seen
    assert dict(refusals('CeremonyRefused(WRONG, "x", found="y")')) == {1: {"found"}}
    assert [each for each, says in made.items() if not {"found", "expected"} <= says] == []
