"""A report is kept whatever it says; a red one fails the step."""

from datetime import UTC, datetime

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.facts import Preflighted
from keyturn.ceremony.tokenreport import (
    Check,
    Level,
    PreflightReport,
    ReportedToken,
    ReportedVendor,
    TokenAssurance,
    encode_report,
)
from keyturn.keyholder.ceremonies.actions.preflighting import judged
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.served import PREFLIGHT


def report(level: Level) -> bytes:
    return encode_report(
        PreflightReport(
            datetime(2026, 11, 30, tzinfo=UTC),
            "a module",
            ReportedToken("keyturn", "a maker", "a model", "01", "1.0", "2.6"),
            ReportedVendor("softhsm", True, "a source"),
            TokenAssurance.SOFTWARE,
            (Check("login", Level.GREEN, "works"), Check("oaep", level, "found this")),
        )
    )


def test_amber_is_remarked(doing: Doing) -> None:
    raw = report(Level.AMBER)
    facts = judged(doing, raw)
    assert isinstance(facts, Preflighted)
    assert facts.report == digest_of(raw)
    assert facts.remarks == ("oaep: found this",)
    assert doing.files.kept(PREFLIGHT) == raw


def test_red_fails_and_its_report_can_be_read(doing: Doing) -> None:
    raw = report(Level.RED)
    with pytest.raises(CeremonyRefused) as refused:
        judged(doing, raw)
    assert refused.value.found == "oaep: found this"
    assert doing.files.kept(PREFLIGHT) == raw
