"""Reading the host's facts strictly."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, load_object
from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.factreading import read_facts, read_failed, read_opened
from keyturn.ceremony.facts import Failed, Nothing, Opened
from keyturn.ceremony.script import Action
from support.ceremonies import TOKEN
from unit.ceremony.every_fact import EVERY, SETS


def document(action: Action) -> Any:
    return load_object(dump(EVERY[action].document()), limit=1 << 20, what="facts")


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, itself included."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    if isinstance(value, list):
        for each in value:
            yield from objects(each)


@pytest.mark.parametrize("action", Action)
def test_facts_are_read_back_as_they_were_written(action: Action) -> None:
    assert read_facts(action, document(action)) == EVERY[action]


@pytest.mark.parametrize("action", Action)
def test_a_field_too_many_or_too_few_anywhere_is_refused(action: Action) -> None:
    many = len(list(objects(document(action))))
    for place in range(many):
        bent = document(action)
        list(objects(bent))[place]["more"] = 1
        with pytest.raises(MalformedError):
            read_facts(action, bent)
        for name in list(objects(document(action)))[place]:
            bent = document(action)
            del list(objects(bent))[place][name]
            with pytest.raises(MalformedError):
                read_facts(action, bent)


@pytest.mark.parametrize("action", [each for each in Action if EVERY[each] != Nothing()])
def test_another_type_anywhere_is_refused(action: Action) -> None:
    for name in document(action):
        for other in (1.5, {"x": 1}, [[1]], ""):
            bent = document(action)
            bent[name] = copy.deepcopy(other)
            with pytest.raises(MalformedError):
                read_facts(action, bent)


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        (Action.PREFLIGHT, {"level": "red"}),
        (Action.PREFLIGHT, {"remarks": ["x"] * 2}),
        (Action.REWRAP, {"already": 11}),
        (Action.REWRAP, {"total": -1}),
        (Action.PROVE_RESTORE, {"canary": False, "models": []}),
        (Action.UNLOCK, {"id": 32768}),
        (Action.UNLOCK, {"officers": ["ada", "ada"]}),
        (Action.FOUND, {"size": 0}),
        (Action.FOUND, {"root": "ef"}),
        (Action.RETIRE_KEK, {"kek": "AB" * 32}),
        (Action.PROVE_SHARES, {"proved": [{"use": "user", "officer": "ada"}] * 2}),
        (Action.NEW_PINS, {"share_sets": [SETS[0].document()] * 2}),
    ],
)
def test_what_cannot_be_is_refused(action: Action, changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        read_facts(action, {**document(action), **changed})


def test_a_never_extractable_kek_has_no_backup_and_says_so() -> None:
    assert document(Action.BACK_UP)["backup"] is None


def test_the_opening_and_a_failure_are_read_back() -> None:
    for token in (TOKEN, None):
        opened = Opened(b"{}", "keyturn", "a host", token, SETS)
        assert read_opened(opened.document()) == opened
    failed = Failed(CeremonyReason.FAILED, "", "CKR_OK", "nothing")
    assert read_failed(failed.document()) == failed


@pytest.mark.parametrize("name", ["script", "software", "host", "token", "custody", "more"])
def test_nothing_is_missing_from_the_opening(name: str) -> None:
    opened = dict(Opened(b"{}", "keyturn", "a host", TOKEN, SETS).document())
    opened[name] = 5
    with pytest.raises(MalformedError):
        read_opened(opened)


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\u202eb", "x" * 401])
def test_a_failure_hides_nothing(text: str) -> None:
    failed = dict(Failed(CeremonyReason.FAILED, "a", "b", "c").document())
    with pytest.raises(MalformedError):
        read_failed({**failed, "left": text})
