"""The values of a lease: what people read of them is stable."""

from keyturn.agent.leaseparts import Attesting, EndReason, Serving, Starting, Wiped


def test_state_names_are_those_that_operators_see() -> None:
    assert [each.name for each in (Starting, Attesting, Serving, Wiped)] == [
        "starting",
        "attesting",
        "serving",
        "wiped",
    ]


def test_reasons_are_single_words_for_scripts() -> None:
    assert all(" " not in each.value and each.value.islower() for each in EndReason)
