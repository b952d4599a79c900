"""The verifier's set of collateral: what takes whose place, and what a verification is given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509 import ocsp

from keyturn.attest.anchors import SpkiDigest
from keyturn.attest.certificates import parse_certificate
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS
from keyturn.attest.ocsp import Status
from keyturn.attest.tdx_pck import PckCa
from keyturn.base.collateral import CollateralKind
from keyturn.keyrelease.collateral import (
    NOTHING_KEPT,
    OCSP_LIFE,
    place_of,
    read_platform,
)
from keyturn_sim.pki import der_of
from keyturn_sim.tdx import FMSPC, SimTd
from support.collateral import IntelDesk, amd_crl, ocsp_document
from support.nvdevices import Vendor
from support.ocspmaker import answer
from unit.keyrelease.release_desk import vendors

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ISSUED = NOW - timedelta(days=1)


@pytest.fixture(scope="module")
def intel() -> IntelDesk:
    return IntelDesk()


@pytest.fixture(scope="module")
def quote(intel: IntelDesk) -> bytes:
    return intel.intel.certify().quote(SimTd(), bytes(64))


def test_a_quote_says_whose_collateral_it_needs(intel: IntelDesk, quote: bytes) -> None:
    found = read_platform(quote, ChainCache())

    assert (found.fmspc, found.ca) == (FMSPC.hex(), PckCa.PLATFORM)
    assert found.root == intel.intel.root_spki
    with pytest.raises(REFUSALS):
        read_platform(quote[:600], ChainCache())


def test_all_four_of_intels_are_needed(intel: IntelDesk, quote: bytes) -> None:
    platform = read_platform(quote, ChainCache())
    documents = intel.everything(ISSUED)

    assert NOTHING_KEPT.tdx(platform) is None
    assert len(NOTHING_KEPT.missing_tdx(platform)) == 4
    for left_out in documents:
        kept = NOTHING_KEPT.with_documents(each for each in documents if each is not left_out)
        assert kept.tdx(platform) is None
        assert kept.missing_tdx(platform) == (f"{left_out.kind.value} {left_out.scope}",)
    whole = NOTHING_KEPT.with_documents(documents)
    assert whole.tdx(platform) is not None
    assert whole.tdx(platform) is whole.tdx(platform)  # put together once


def test_another_fmspc_ca_or_root_has_other_collateral(intel: IntelDesk, quote: bytes) -> None:
    platform = read_platform(quote, ChainCache())
    kept = NOTHING_KEPT.with_documents(intel.everything(ISSUED))

    for other in (
        replace(platform, fmspc="00" * 6),
        replace(platform, ca=PckCa.PROCESSOR),
        replace(platform, root=SpkiDigest("11" * 32)),
        replace(platform, issuer=SpkiDigest("11" * 32)),
    ):
        assert kept.tdx(other) is None


def test_a_set_never_changes(intel: IntelDesk, quote: bytes) -> None:
    platform = read_platform(quote, ChainCache())
    first = NOTHING_KEPT.with_documents(intel.everything(ISSUED))
    was = first.tdx(platform)
    second = first.with_documents((intel.tcb_info(NOW, 19),))

    assert first.tdx(platform) is was
    assert second.tdx(platform) != was
    assert len(second.documents) == len(first.documents) == 4
    assert NOTHING_KEPT.documents == {}


def test_lists_of_ark_and_ask_have_places_of_their_own() -> None:
    ark = amd_crl(vendors(), ISSUED)
    ask = amd_crl(vendors(), ISSUED, by_ask=True)
    kept = NOTHING_KEPT.with_documents((ark, ask))
    ark_spki = parse_certificate(der_of(vendors().ark)).spki
    ask_spki = parse_certificate(der_of(vendors().ask)).spki

    assert place_of(ark) != place_of(ask)
    assert len(kept.amd_crls((ark_spki, ask_spki))) == 2
    assert len(kept.amd_crls((ark_spki,))) == 1
    assert kept.amd_crls((SpkiDigest("11" * 32),)) == ()
    assert NOTHING_KEPT.amd_crls((ark_spki,)) == ()


def test_a_place_ignores_the_case_of_an_fmspc(intel: IntelDesk) -> None:
    document = intel.tcb_info(ISSUED)
    assert place_of(replace(document, scope=document.scope.upper())) == place_of(document)


@pytest.mark.parametrize(
    "kind", [CollateralKind.AMD_CHAIN, CollateralKind.AMD_VEK, CollateralKind.NVIDIA_RIM]
)
def test_kinds_that_come_with_the_evidence_have_no_place(
    intel: IntelDesk, kind: CollateralKind
) -> None:
    with pytest.raises(REFUSALS):
        place_of(replace(intel.tcb_info(ISSUED), kind=kind))


def test_a_list_without_its_issuer_has_no_place(intel: IntelDesk) -> None:
    list_ = intel.pck_crl(ISSUED)
    for chain in ((), (list_.chain[1],)):
        with pytest.raises(REFUSALS):
            place_of(replace(list_, chain=chain))


@pytest.mark.parametrize("status", [ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED])
def test_an_answer_is_kept_for_the_certificate_that_it_is_about(
    status: ocsp.OCSPCertStatus,
) -> None:
    vendor = Vendor.create()
    path = (vendor.provisioner, vendor.identity, vendor.root)
    chain = tuple(each.der for each in path)
    raw = answer(path[0], path[1], now=NOW, status=status)
    kept = NOTHING_KEPT.with_documents((ocsp_document(raw, chain),))

    found = kept.ocsp(chain[0])
    assert found is not None
    assert found.status is (Status.GOOD if status is ocsp.OCSPCertStatus.GOOD else Status.REVOKED)
    assert found.answer.raw == raw
    assert found.answer.response is not None
    assert found.current(NOW)
    assert found.current(found.until)
    assert not found.current(found.until + timedelta(seconds=1))
    assert not found.current(found.since - timedelta(seconds=1))
    assert kept.ocsp(chain[1]) is None
    assert NOTHING_KEPT.ocsp(chain[0]) is None


def test_an_answer_without_an_end_has_ours() -> None:
    vendor = Vendor.create()
    chain = tuple(each.der for each in (vendor.provisioner, vendor.identity, vendor.root))
    raw = answer(vendor.provisioner, vendor.identity, now=NOW, lasts=None)
    found = NOTHING_KEPT.with_documents((ocsp_document(raw, chain),)).ocsp(chain[0])

    assert found is not None
    assert found.until - found.since == OCSP_LIFE


def test_an_answer_about_another_certificate_is_refused() -> None:
    vendor = Vendor.create()
    chain = tuple(each.der for each in (vendor.provisioner, vendor.identity, vendor.root))
    raw = answer(vendor.identity, vendor.root, now=NOW)
    with pytest.raises(REFUSALS):
        NOTHING_KEPT.with_documents((ocsp_document(raw, chain),))
