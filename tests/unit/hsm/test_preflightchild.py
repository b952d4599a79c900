"""Pre-flight in a process of its own: a report, or why there is none."""

import secrets
from pathlib import Path

import pytest

from keyturn.ceremony.tokenreport import Level, parse_report
from keyturn.hsm.ceremonytasks import Secret, TokenPlace
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.preflightchild import preflight_token
from keyturn.keyholder.ceremonies.sharing import pin_descriptor
from support.hsmtoken import softhsm_module


def test_a_trial_token_is_tried_and_reported(tmp_path: Path) -> None:
    place = TokenPlace(softhsm_module(), "trial", write_configuration(tmp_path / "token"))
    pins = bytearray(secrets.token_bytes(16)), bytearray(secrets.token_bytes(16))
    with pin_descriptor(pins[0]) as pin, pin_descriptor(pins[1]) as so_pin:
        raw = preflight_token(place, {Secret.PIN: pin, Secret.SO_PIN: so_pin}, trial=True)
    report = parse_report(raw)
    assert report.token.label == "trial"
    assert report.level is Level.AMBER


def test_without_a_module_or_a_token_there_is_no_report(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path / "token")
    for module in (tmp_path / "none.so", softhsm_module()):
        place = TokenPlace(module, "none", configuration)
        with pin_descriptor(bytearray(16)) as pin, pytest.raises(HsmUnreachable):
            preflight_token(place, {Secret.PIN: pin}, trial=False)
