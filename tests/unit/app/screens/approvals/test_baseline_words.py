"""A baseline read out: every value with where it comes from, by whom it was signed, until when."""

import pytest

from keyturn.quorum.kinds import Kind
from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn_app.screens.approvals.baseline_words import baseline_words, method_word, origin_words
from unit.quorum.bodies_reader import read_body
from unit.quorum.every_kind import baseline


def words() -> tuple[str, ...]:
    found = read_body(Kind.REFERENCE_VALUES, baseline())
    assert isinstance(found, ReferenceValues)
    return tuple(baseline_words(found, "firmware"))


def test_every_kind_of_value_is_read_out() -> None:
    found = words()
    starts = (
        "Baseline firmware",
        "Launch measurement 0f0f",
        "TD with mrtd 0a0a",
        "GPU GH100, driver 570.1, VBIOS 96.00: 1 measurement, from: the RIM.",
        "NVSwitch LS10, BIOS 96.10: 1 measurement, from: the RIM.",
        "Boot of a TPM with PCRs of sha256: 7; boot applications: 1; UEFI variables: db, from:",
    )
    assert len(found) == len(starts)
    assert all(each.startswith(start) for each, start in zip(found, starts, strict=True))


def test_where_a_value_comes_from_is_said_in_full() -> None:
    said = words()[1]
    for text in (
        "captured from a node",
        "document sha256 d1d1",
        "signed by CN=a signer",
        "obtained 2026-11-01 00:00:00 UTC",
        "counts until 2027-11-01 00:00:00 UTC",
    ):
        assert text in said


def test_a_source_alone_is_said_as_it_is() -> None:
    assert origin_words(Origin("a test")) == "a test"


@pytest.mark.parametrize("method", list(Method))
def test_every_method_has_a_word_of_its_own(method: Method) -> None:
    assert sum(method_word(each) == method_word(method) for each in Method) == 1
