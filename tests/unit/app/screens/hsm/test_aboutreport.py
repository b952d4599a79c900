"""What the page says of a report: calm where it is of a like token, loud where it is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.ceremony.tokenreport import TokenAssurance
from keyturn_app.screens.hsm.aboutreport import Notice, notice_of
from support import tokens


def test_a_report_of_the_open_token_needs_no_word() -> None:
    assert notice_of(tokens.REPORT, tokens.INVENTORY, tokens.NOW) == Notice()
    assert notice_of(tokens.REPORT, None, tokens.NOW) == Notice()


def test_another_token_of_the_same_kind_is_said_calmly_and_precisely() -> None:
    other = replace(tokens.REPORT, token=replace(tokens.TOKEN, label="genesis", serial="d1e9"))
    said = notice_of(other, tokens.INVENTORY, tokens.NOW)
    assert said.tone == "info"
    assert said.text == (
        "This report is of the token genesis, serial d1e9, tried 2026-11-17 12:00:00 UTC. The open "
        "token has serial 4f2a09b1c3d4e5f6, and the same module, maker, model and firmware. Both "
        "are software."
    )


@pytest.mark.parametrize("field", ["manufacturer", "model", "firmware"])
def test_another_kind_of_token_is_an_alarm(field: str) -> None:
    other = replace(tokens.REPORT, token=replace(tokens.TOKEN, **{field: "another"}))
    said = notice_of(other, tokens.INVENTORY, tokens.NOW)
    assert said.tone == "danger"
    assert f"another, here {getattr(tokens.TOKEN, field)}" in said.text


def test_another_module_is_an_alarm_even_with_the_same_serial() -> None:
    said = notice_of(replace(tokens.REPORT, module="Other 1.0"), tokens.INVENTORY, tokens.NOW)
    assert said.tone == "danger"
    assert "module Other 1.0, here Implementation of PKCS11 2.6" in said.text


def test_assurance_that_differs_is_a_warning() -> None:
    other = replace(tokens.REPORT, assurance=TokenAssurance.HARDWARE)
    said = notice_of(other, tokens.INVENTORY, tokens.NOW)
    assert (said.tone, "this one is software" in said.text) == ("warn", True)


def test_red_is_said_beside_what_the_report_is_about() -> None:
    red = replace(tokens.RED_REPORT, token=replace(tokens.TOKEN, serial="d1e9"))
    said = notice_of(red, tokens.INVENTORY, tokens.NOW + timedelta(days=90))
    assert said.tone == "danger"
    for part in ("serial d1e9", "must not run", "is old"):
        assert part in said.text
