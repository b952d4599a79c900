"""The list of trials; they run in tests/contract/test_hsm_preflight.py."""

from keyturn.hsm.preflight import TRIALS


def test_trials_have_names_of_their_own_and_say_what_they_want() -> None:
    names = [each.name for each in TRIALS]
    assert len(set(names)) == len(names)
    assert all(each.expected and each.hint for each in TRIALS)


def test_attributes_that_protect_a_dek_are_tried() -> None:
    names = {each.name for each in TRIALS}
    assert {"unwrap template enforced", "unwrap template enforced, ingest key"} <= names
