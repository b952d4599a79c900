"""What Intel's collateral proves is kept, and never outlives bytes, anchor, dates or a list."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keyturn.attest import tdx_endorsement as module
from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.attest.tdx import examine_tdx, verify_tdx
from keyturn.attest.tdx_claims import VerifiedTdx
from keyturn.attest.tdx_collateral import TdxCollateral, read_collateral
from keyturn.base.strictjson import dump
from keyturn_sim.tdx import SimIntel, SimMachine, SimQe, SimTd

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ASKED = b"\x07" * 64
SECOND = timedelta(seconds=1)
Verify = Callable[..., VerifiedTdx]


@pytest.fixture
def verify(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> Verify:
    """One verifier, that has proved this machine before."""
    cache = ChainCache()

    def run(machine: SimMachine = machine, **changed: object) -> VerifiedTdx:
        arguments = {
            "collateral": intel_collateral,
            "anchors": intel_anchors,
            "now": NOW,
            "expected_report_data": ASKED,
            "cache": cache,
        } | changed
        return verify_tdx(machine.quote(SimTd(), ASKED), **arguments)  # type: ignore[arg-type]

    run()
    return run


def refused(verify: Verify, **changed: object) -> Reason:
    with pytest.raises(REFUSALS) as caught:
        verify(**changed)
    return caught.value.reason


def served(intel: SimIntel, **changed: object) -> TdxCollateral:
    return read_collateral(dump(intel.collateral(NOW, **changed)))  # type: ignore[arg-type]


@pytest.fixture
def verified_signatures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents whose signature was verified, in order."""
    seen: list[str] = []
    genuine = module.verify_p256

    def watched(key, signature, message, what, why) -> None:  # type: ignore[no-untyped-def]
        seen.append(what)
        genuine(key, signature, message, what, why)

    monkeypatch.setattr(module, "verify_p256", watched)
    return seen


def test_what_was_proved_before_is_found_again_with_the_same_checks(
    intel_collateral: TdxCollateral,
    intel_anchors: TrustAnchors,
    machine: SimMachine,
    intel: SimIntel,
    verified_signatures: list[str],
) -> None:
    cache = ChainCache()

    def prove(of: SimMachine, kept: ChainCache) -> VerifiedTdx:
        return verify_tdx(
            of.quote(SimTd(), ASKED),
            intel_collateral,
            anchors=intel_anchors,
            now=NOW,
            expected_report_data=ASKED,
            cache=kept,
        )

    first = prove(machine, cache)
    assert verified_signatures == ["TCB info", "QE identity"]
    again = prove(machine, cache)
    assert again.checks == first.checks
    assert (again.claims.pck, again.claims.lists) == (first.claims.pck, first.claims.lists)
    assert prove(intel.certify(), cache).claims.simulated  # another node, the same documents
    assert verified_signatures == ["TCB info", "QE identity"]
    prove(machine, ChainCache())
    assert verified_signatures == ["TCB info", "QE identity"] * 2


def test_what_was_proved_before_is_not_proved_again(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_new", None)
    verify()


def test_other_anchors_are_asked_again(
    verify: Verify, intel: SimIntel, intel_anchors: TrustAnchors
) -> None:
    assert refused(verify, anchors=HARDWARE_ANCHORS) is Reason.UNTRUSTED_ROOT
    assert refused(verify, anchors=TrustAnchors(())) is Reason.UNTRUSTED_ROOT
    other = {Vendor.INTEL_SGX: [SpkiDigest("00" * 32)]}
    strangers = HARDWARE_ANCHORS.with_simulated(other, source="test")
    assert refused(verify, anchors=strangers) is Reason.UNTRUSTED_ROOT
    # The same root as another vendor's is no root of Intel's.
    of_amd = {Vendor.AMD_SEV: [SpkiDigest(intel.root_spki)]}
    posing = HARDWARE_ANCHORS.with_simulated(of_amd, source="test")
    assert refused(verify, anchors=posing) is Reason.UNTRUSTED_ROOT
    verify(anchors=intel_anchors)


def test_an_anchor_that_another_statement_names_is_that_statements(
    verify: Verify, intel: SimIntel
) -> None:
    roots = {Vendor.INTEL_SGX: [SpkiDigest(intel.root_spki)]}
    renamed = HARDWARE_ANCHORS.with_simulated(roots, source="another statement")
    (root,) = (each for each in verify(anchors=renamed).checks if each.name == "root")
    assert root.expected == "pinned by another statement"


def test_what_has_expired_since_is_refused(verify: Verify) -> None:
    last, first = NOW + timedelta(days=29), NOW - timedelta(days=1)
    verify(now=last)
    assert refused(verify, now=last + SECOND) is Reason.COLLATERAL_EXPIRED
    assert refused(verify, now=last + timedelta(days=36_500)) is Reason.CERT_EXPIRED
    verify(now=first)
    assert refused(verify, now=first - SECOND) is Reason.COLLATERAL_NOT_YET_VALID
    verify()


def test_what_was_revoked_since_is_refused(
    verify: Verify, machine: SimMachine, intel: SimIntel, intel_collateral: TdxCollateral
) -> None:
    newer = served(intel, revoked=(machine.pck_serial,))
    for changed in ({"pck_crl": newer.pck_crl}, {"pck_crl": newer.pck_crl, "now": NOW + SECOND}):
        now = changed.pop("now", NOW)
        told = replace(intel_collateral, **changed)  # type: ignore[arg-type]
        assert refused(verify, collateral=told, now=now) is Reason.CERT_REVOKED
    root = served(intel, root_revoked=(intel.ca.serial_number,))
    told = replace(intel_collateral, root_crl=root.root_crl)
    assert refused(verify, collateral=told) is Reason.CERT_REVOKED


def test_one_changed_bit_anywhere_in_the_collateral_is_another_proof(
    verify: Verify, intel_collateral: TdxCollateral
) -> None:
    for name in TdxCollateral.__slots__:
        value = getattr(intel_collateral, name)
        if name == "digest":
            continue
        raw = value if isinstance(value, bytes) else value[0]
        changed = raw[:-1] + bytes([raw[-1] ^ 1])
        forged = changed if isinstance(value, bytes) else (changed, *value[1:])
        other = replace(intel_collateral, **{name: forged})
        assert other.digest != intel_collateral.digest
        with pytest.raises(REFUSALS):
            verify(collateral=other)


def test_bytes_that_change_places_are_another_proof(intel_collateral: TdxCollateral) -> None:
    first, *rest = intel_collateral.tcb_info_chain
    moved = replace(intel_collateral, tcb_info_chain=(first + b"".join(rest),))
    swapped = replace(
        intel_collateral,
        root_crl=intel_collateral.pck_crl,
        pck_crl=intel_collateral.root_crl,
    )
    digests = {each.digest for each in (intel_collateral, moved, swapped)}
    assert len(digests) == 3


def test_levels_are_those_of_this_quote_not_of_the_last(verify: Verify, intel: SimIntel) -> None:
    """The same chain and collateral, but a quoting enclave that Intel has left behind."""
    fresh = intel.certify()
    assert verify(fresh).claims.tcb.status is not None
    old = replace(fresh, qe=SimQe(svn=1))
    assert refused(verify, machine=old) is Reason.TCB_NOT_SUPPORTED
    verify(fresh)


def test_a_refusal_is_not_kept(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> None:
    cache = ChainCache()
    quote, late = machine.quote(SimTd(), ASKED), NOW + timedelta(days=60)
    for now, met in ((late, False), (NOW, True), (late, False)):
        found = examine_tdx(
            quote,
            intel_collateral,
            anchors=intel_anchors,
            now=now,
            expected_report_data=ASKED,
            cache=cache,
        )
        assert (found.refusal is None) is met
