"""What a refusal may cost the keyholder: no stop of the process, no full log."""

import logging

import pytest

from keyturn.keyholder import releases as module
from support.ready import Ready
from support.system import reasons


def test_a_fault_while_evidence_is_read_is_a_refusal(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Evidence is an attacker's: whatever a reader trips over must not stop the process."""

    def tripping(*_: object) -> object:
        raise ZeroDivisionError("not foreseen")

    size = ready.system.keyholder.journal.log.size
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(module, "verify_evidence", tripping)
        outcome = ready.ask()

    assert reasons(outcome) == {"evidence-unreadable"}
    assert outcome.answer["logged"] is False
    assert ready.system.keyholder.journal.log.size == size
    assert "ZeroDivisionError" in caplog.text
    assert ready.ask().granted
