"""Ages read of documents, and which document is a step back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.attest import collateral_age
from keyturn.attest.collateral_age import Age, age_of, older
from keyturn.attest.errors import REFUSALS, MalformedEvidence
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn_sim.pki import make_certificate, make_crl, new_p384_key
from support.nvdevices import Vendor
from support.ocspmaker import answer
from support.vendoranswers import CHAIN, PCK_LIST, QE, TCB, Recorded

NOW = datetime(2026, 2, 25, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def recorded(vectors_dir: Path) -> Recorded:
    return Recorded(vectors_dir)


def test_intels_documents(recorded: Recorded) -> None:
    assert age_of(recorded.document(TCB)) == Age(
        datetime(2026, 2, 1, 14, 49, 26, tzinfo=UTC),
        datetime(2026, 3, 3, 14, 49, 26, tzinfo=UTC),
        18,
    )
    identity = age_of(recorded.document(QE))
    assert (identity.issued, identity.number) == (
        datetime(2026, 2, 18, 10, 42, 15, tzinfo=UTC),
        18,
    )
    crl = age_of(recorded.document(PCK_LIST))
    assert (crl.issued, crl.number) == (datetime(2026, 2, 18, 10, 41, 15, tzinfo=UTC), 1)
    assert str(crl) == "issued 2026-02-18T10:41:15Z, number 1"


def test_certificates(recorded: Recorded) -> None:
    chain = age_of(recorded.document(CHAIN))
    assert chain.number is None
    assert chain.until is not None
    vek = CollateralDocument(CollateralKind.AMD_VEK, "x", recorded.vek())
    assert age_of(vek).until == age_of(vek).issued.replace(year=age_of(vek).issued.year + 7)


def test_an_ocsp_answer() -> None:
    vendor = Vendor.create()
    raw = answer(
        vendor.identity, vendor.root, now=NOW, produced_at=NOW - 2 * HOUR, lasts=timedelta(days=3)
    )
    document = CollateralDocument(CollateralKind.NVIDIA_OCSP, "00" * 32, raw)
    assert age_of(document) == Age(NOW - 2 * HOUR, NOW - HOUR + timedelta(days=3))
    endless = answer(vendor.identity, vendor.root, now=NOW, lasts=None)
    document = CollateralDocument(CollateralKind.NVIDIA_OCSP, "00" * 32, endless)
    assert age_of(document).until is None


def test_of_several_answers_the_first_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor.create()
    raw = answer(vendor.identity, vendor.root, now=NOW, lasts=timedelta(days=3))
    read = collateral_age.parse_ocsp(raw)
    (one,) = read.answers
    several = (replace(one, next_update=None), replace(one, next_update=NOW + HOUR), one)
    monkeypatch.setattr(collateral_age, "parse_ocsp", lambda _: replace(read, answers=several))
    document = CollateralDocument(CollateralKind.NVIDIA_OCSP, "00" * 32, raw)
    assert age_of(document).until == NOW + HOUR


def test_amds_list() -> None:
    key = new_p384_key()
    root = make_certificate("ARK-Milan", key, None, key, is_ca=True)
    raw = make_crl(root, key, this_update=NOW, next_update=NOW + HOUR)
    document = CollateralDocument(CollateralKind.AMD_CRL, "vcek/Milan", raw)
    assert age_of(document) == Age(NOW, NOW + HOUR, 1)


@pytest.mark.parametrize("kind", list(CollateralKind))
@pytest.mark.parametrize("raw", [b"", b"x", b"{}", b"\x30\x00", b"<rim/>"])
def test_junk_has_no_age(kind: CollateralKind, raw: bytes) -> None:
    with pytest.raises(REFUSALS):
        age_of(CollateralDocument(kind, "x", raw))


def test_a_rims_age_is_not_read_here(recorded: Recorded) -> None:
    document = CollateralDocument(CollateralKind.NVIDIA_RIM, "x", recorded.rim())
    with pytest.raises(MalformedEvidence, match="not read here"):
        age_of(document)


KNOWN = Age(NOW, NOW + HOUR, 7)


@pytest.mark.parametrize(
    ("new", "is_older"),
    [
        (KNOWN, False),
        (Age(NOW + HOUR, None, 7), False),
        (Age(NOW + HOUR, None, 8), False),
        (Age(NOW, NOW, 8), False),
        (Age(NOW - timedelta(seconds=1), NOW + 9 * HOUR, 7), True),
        (Age(NOW - timedelta(seconds=1), None, 8), True),
        (Age(NOW + HOUR, None, 6), True),
        (Age(NOW + HOUR, None, None), True),
    ],
)
def test_a_step_back_in_number_or_time_is_one(new: Age, is_older: bool) -> None:
    assert older(KNOWN, new) is is_older


def test_where_no_number_was_time_alone_counts() -> None:
    known = Age(NOW, None)
    assert not older(known, Age(NOW, None))
    assert not older(known, Age(NOW, None, 1))
    assert older(known, Age(NOW - HOUR, None, 1))
