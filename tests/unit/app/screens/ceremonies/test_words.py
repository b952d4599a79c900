from keyturn.ceremony.script import ScriptKind
from keyturn_app.screens.ceremonies.words import kind_words, step_place


def test_a_step_is_named_by_its_script() -> None:
    assert step_place("backup", "unlock-backup") == "step 3 of 5: Custodians open the backup"


def test_a_step_that_no_script_has_is_named_as_it_is() -> None:
    assert step_place("backup", "polish") == "at step polish"
    assert step_place("tea", "pour") == "at step pour"


def test_either_an_administrator_or_a_custodian_seals() -> None:
    assert kind_words(ScriptKind.SEAL).who == "An administrator or a custodian: one is enough"
