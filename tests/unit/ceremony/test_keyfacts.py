"""What is said of tokens and keys."""

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.keyfacts import KeyPurpose, read_key, read_keys, read_token, shown
from keyturn.ceremony.plan import KekProfile
from support.ceremonies import TOKEN, key_facts

KEK = key_facts(KeyPurpose.KEK, KekProfile.NEVER_EXTRACTABLE)


def fields(document: dict[str, object]) -> Fields:
    return Fields(document, "it")  # type: ignore[arg-type]


def test_they_are_read_back() -> None:
    assert read_token(fields(TOKEN.document())) == TOKEN
    for each in (KEK, key_facts(KeyPurpose.INGEST)):
        assert read_key(fields(each.document())) == each


def test_a_token_need_not_know_its_maker() -> None:
    found = read_token(fields({**TOKEN.document(), "serial": "", "maker": "", "firmware": ""}))
    assert found.serial == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"label": ""},
        {"serial": "a\x00b"},
        {"assurance": "promised"},
        {"firmware": "x" * 65},
        {"more": 1},
    ],
)
def test_no_other_token(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_token(fields({**TOKEN.document(), **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "ab"},
        {"purpose": "crown"},
        {"profile": None},
        {"profile": "soft"},
        {"origin": "found"},
        {"state": "asleep"},
        {"attributes": [{"name": "X", "value": "1"}]},
        {"attributes": [{"name": "X", "value": "1", "checked": "yes"}]},
        {"algorithm": "a\u202eb"},
    ],
)
def test_no_other_key(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_key(fields({**KEK.document(), **changed}))


def test_only_a_kek_has_a_profile() -> None:
    other = {**key_facts(KeyPurpose.LOG).document(), "profile": "recoverable"}
    with pytest.raises(MalformedError):
        read_key(fields(other))


def test_only_a_log_key_is_a_software_log_key() -> None:
    held = {"name": "HELD", "value": "software log key", "checked": True}
    for purpose in (KeyPurpose.LOG, KeyPurpose.RESULT):
        made = key_facts(purpose).document()
        marked = {**made, "attributes": [held]}
        assert not read_key(fields(made)).in_software
        if purpose is KeyPurpose.LOG:
            assert read_key(fields(marked)).in_software
            continue
        with pytest.raises(MalformedError, match="only a log key is a software log key"):
            read_key(fields(marked))


def test_a_key_stands_once() -> None:
    twice: JsonObject = {"keys": [KEK.document(), KEK.document()]}  # type: ignore[list-item]
    with pytest.raises(MalformedError):
        read_keys(Fields(twice, "it"), "keys")


def test_texts_are_shown_not_obeyed() -> None:
    assert shown(fields({"a": "Béla 中"}), "a", limit=10) == "Béla 中"
    with pytest.raises(MalformedError):
        shown(fields({"a": "\u2066x"}), "a", limit=10)
