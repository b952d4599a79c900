"""Intel's four chains: one pinned root, the right certificate at each place, both lists."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.crl import Crl, parse_crl
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.attest.tdx_chains import (
    Chains,
    check_chain_dates,
    check_lists,
    find_roots,
    verify_chains,
)
from keyturn.attest.tdx_collateral import TdxCollateral, read_collateral
from keyturn.attest.tdx_pck import PckCa
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.base.strictjson import dump
from keyturn_sim.pki import der_of, make_certificate, make_crl, new_p256_key
from keyturn_sim.tdx import SimIntel, SimMachine

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SINCE, UNTIL = NOW - timedelta(days=1), NOW + timedelta(days=29)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def ders(*certificates: x509.Certificate) -> tuple[bytes, ...]:
    return tuple(map(der_of, certificates))


@pytest.fixture
def chains(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> Chains:
    return walk(machine.chain, intel_collateral, intel_anchors)


def walk(chain: bytes, collateral: TdxCollateral, anchors: TrustAnchors) -> Chains:
    cache = ChainCache(8)
    return verify_chains(find_roots(chain, collateral, anchors, cache), cache)


def reason(chain: bytes, collateral: TdxCollateral, anchors: TrustAnchors) -> Reason:
    with pytest.raises(REFUSALS) as caught:
        walk(chain, collateral, anchors)
    return caught.value.reason


def test_four_chains_meet_in_one_root(chains: Chains, intel: SimIntel) -> None:
    assert chains.ca is PckCa.PLATFORM
    assert chains.anchor.simulated
    assert {path[-1].spki for path in chains.paths} == {intel.root_spki}
    assert check_chain_dates(chains, NOW) > NOW


def test_a_recorded_chain_ends_in_the_pinned_root(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    quote = parse_tdx_quote((vectors_dir / "tdx/v4-phala-b0c06f/quote.bin").read_bytes())
    raw = (vectors_dir / "tdx/collateral/b0c06f-2025-06.json").read_bytes()
    found = walk(quote.pck_chain, read_collateral(raw), HARDWARE_ANCHORS)
    assert (found.ca, found.anchor.simulated) == (PckCa.PLATFORM, False)


def test_the_processor_ca() -> None:
    other = SimIntel.create("Processor")
    collateral = read_collateral(dump(other.collateral(NOW)))
    roots = {Vendor.INTEL_SGX: [SpkiDigest(other.root_spki)]}
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    assert walk(other.certify().chain, collateral, anchors).ca is PckCa.PROCESSOR


def test_hardware_anchors_do_not_trust_a_simulation(
    machine: SimMachine, intel_collateral: TdxCollateral
) -> None:
    assert reason(machine.chain, intel_collateral, HARDWARE_ANCHORS) is Reason.UNTRUSTED_ROOT


@pytest.mark.parametrize("part", ["tcb_info_chain", "qe_identity_chain", "pck_crl_chain"])
def test_each_chain_needs_the_pinned_root(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors, part: str
) -> None:
    other = SimIntel.create()
    foreign = ders(other.ca if part == "pck_crl_chain" else other.signer, other.root)
    changed = replace(intel_collateral, **{part: foreign})
    assert reason(machine.chain, changed, intel_anchors) is Reason.UNTRUSTED_ROOT
    # Nor may a second trusted root speak for the first one's platforms.
    both = intel_anchors.with_simulated(
        {Vendor.INTEL_SGX: [SpkiDigest(other.root_spki)]}, source="test"
    )
    assert reason(machine.chain, changed, both) is Reason.UNTRUSTED_ROOT


@pytest.mark.parametrize("part", ["tcb_info_chain", "qe_identity_chain", "pck_crl_chain"])
def test_an_issuer_chain_has_two_certificates(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors, part: str
) -> None:
    chain = getattr(intel_collateral, part)
    for wrong in ((), chain[:1], (*chain, chain[-1])):
        changed = replace(intel_collateral, **{part: wrong})
        assert reason(machine.chain, changed, intel_anchors) is Reason.MALFORMED


def test_the_pck_chain_has_three_certificates_in_order(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> None:
    leaf, ca, root = (
        x509.load_der_x509_certificate(raw) for raw in pem_certificates(machine.chain)
    )
    for wrong in ((), (leaf,), (leaf, ca), (leaf, ca, root, root)):
        assert reason(pem(*wrong), intel_collateral, intel_anchors) is Reason.MALFORMED
    for wrong in ((ca, leaf, root), (leaf, leaf, root), (ca, root, root), (leaf, root, root)):
        assert reason(pem(*wrong), intel_collateral, intel_anchors) is Reason.CHAIN_INVALID
    for wrong in ((root, ca, leaf), (leaf, root, ca)):
        assert reason(pem(*wrong), intel_collateral, intel_anchors) is Reason.UNTRUSTED_ROOT
    assert reason(b"hello", intel_collateral, intel_anchors) is Reason.MALFORMED


def test_every_place_has_its_name(
    intel: SimIntel, machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors
) -> None:  # type: ignore[no-untyped-def]
    key = new_p256_key()

    def issued(name: str, **more: object) -> x509.Certificate:
        options = {"is_ca": False} | more
        return make_certificate(name, key, intel.root, intel.root_key, **options)  # type: ignore[arg-type]

    # A certificate of the root's that is no TCB signer does not sign TCB info.
    for part in ("tcb_info_chain", "qe_identity_chain"):
        for name in ("Intel SGX PCK Certificate", "Intel SGX TCB Signing 2", "x"):
            changed = replace(intel_collateral, **{part: ders(issued(name), intel.root)})
            assert reason(machine.chain, changed, intel_anchors) is Reason.CHAIN_INVALID
        signer_ca = issued("Intel SGX TCB Signing", is_ca=True, path_length=0)
        changed = replace(intel_collateral, **{part: ders(signer_ca, intel.root)})
        assert reason(machine.chain, changed, intel_anchors) is Reason.CHAIN_INVALID
        # Nor does one that the PCK's authority issued.
        lent = make_certificate("Intel SGX TCB Signing", key, intel.ca, intel.ca_key, is_ca=False)
        changed = replace(intel_collateral, **{part: ders(lent, intel.root)})
        assert reason(machine.chain, changed, intel_anchors) is Reason.CHAIN_INVALID
    # An authority with another name issues no PCK.
    ca = make_certificate(
        "Intel SGX PCK Other CA", key, intel.root, intel.root_key, is_ca=True, path_length=0
    )
    pck = make_certificate("Intel SGX PCK Certificate", key, ca, key, is_ca=False)
    found = reason(pem(pck, ca, intel.root), intel_collateral, intel_anchors)
    assert found is Reason.CHAIN_INVALID
    other = make_certificate("Intel SGX TCB Signing", key, intel.ca, intel.ca_key, is_ca=False)
    found = reason(pem(other, intel.ca, intel.root), intel_collateral, intel_anchors)
    assert found is Reason.CHAIN_INVALID


def test_a_pck_that_is_an_authority_is_refused(
    intel: SimIntel, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> None:
    key = new_p256_key()
    pck = make_certificate("Intel SGX PCK Certificate", key, intel.ca, intel.ca_key, is_ca=True)
    found = reason(pem(pck, intel.ca, intel.root), intel_collateral, intel_anchors)
    assert found is Reason.CHAIN_INVALID
    # Nor may an authority that may have none below it have one.
    sub_key = new_p256_key()
    sub = make_certificate(
        "Intel SGX PCK Platform CA", sub_key, intel.ca, intel.ca_key, is_ca=True, path_length=0
    )
    below = make_certificate("Intel SGX PCK Certificate", key, sub, sub_key, is_ca=False)
    found = reason(pem(below, sub, intel.root), intel_collateral, intel_anchors)
    assert found is Reason.CHAIN_INVALID


def test_a_root_with_the_pinned_key_and_another_name_is_refused(
    intel: SimIntel, machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors
) -> None:  # type: ignore[no-untyped-def]
    key = intel.root_key
    other = make_certificate("Intel SGX Root CA 2", key, None, key, is_ca=True, path_length=1)
    for part in ("tcb_info_chain", "qe_identity_chain", "pck_crl_chain"):
        chain = (getattr(intel_collateral, part)[0], der_of(other))
        changed = replace(intel_collateral, **{part: chain})
        assert reason(machine.chain, changed, intel_anchors) is Reason.CHAIN_INVALID
    leaf, ca, _ = (x509.load_der_x509_certificate(raw) for raw in pem_certificates(machine.chain))
    found = reason(pem(leaf, ca, other), intel_collateral, intel_anchors)
    assert found is Reason.CHAIN_INVALID


def test_dates_of_every_chain_count(chains: Chains) -> None:
    for name in ("pck", "tcb_info", "qe_identity", "pck_list"):
        leaf, *rest = getattr(chains, name)
        for changed, expected in (
            ({"not_after": NOW - timedelta(seconds=1)}, Reason.CERT_EXPIRED),
            ({"not_before": NOW + timedelta(seconds=1)}, Reason.CERT_NOT_YET_VALID),
        ):
            altered = replace(chains, **{name: (replace(leaf, **changed), *rest)})
            with pytest.raises(REFUSALS) as caught:
                check_chain_dates(altered, NOW)
            assert caught.value.reason is expected


def lists(intel: SimIntel, *, root: tuple[int, ...] = (), pck: tuple[int, ...] = ()) -> list[Crl]:
    return [
        parse_crl(make_crl(issuer, key, this_update=SINCE, next_update=UNTIL, revoked=serials))
        for issuer, key, serials in (
            (intel.root, intel.root_key, root),
            (intel.ca, intel.ca_key, pck),
        )
    ]


def list_reason(chains: Chains, root: Crl, pck: Crl, now: datetime = NOW) -> Reason:
    with pytest.raises(REFUSALS) as caught:
        check_lists(chains, root, pck, now)
    return caught.value.reason


def test_lists_that_name_nobody_of_the_chain(chains: Chains, intel: SimIntel) -> None:
    root, pck = lists(intel, root=(1,), pck=(2,))
    facts = check_lists(chains, root, pck, NOW)
    assert [each.issuer for each in facts] == [
        "SIMULATED Intel SGX Root CA",
        "SIMULATED Intel SGX PCK Platform CA",
    ]
    assert facts[1].next_update == UNTIL


def test_each_revoked_certificate_is_refused(
    chains: Chains, intel: SimIntel, machine: SimMachine
) -> None:
    for serial in (intel.ca.serial_number, intel.signer.serial_number):
        root, pck = lists(intel, root=(serial,))
        assert list_reason(chains, root, pck) is Reason.CERT_REVOKED
    root, pck = lists(intel, pck=(machine.pck_serial,))
    assert list_reason(chains, root, pck) is Reason.CERT_REVOKED


def test_a_list_of_another_issuer_is_refused(chains: Chains, intel: SimIntel) -> None:
    root, pck = lists(intel)
    assert list_reason(chains, pck, root) is Reason.CRL_INVALID
    assert list_reason(chains, root, root) is Reason.CRL_INVALID
    assert list_reason(chains, pck, pck) is Reason.CRL_INVALID
    # Same names, another key.
    other = SimIntel.create()
    other_root, other_pck = lists(other)
    assert list_reason(chains, other_root, pck) is Reason.CRL_INVALID
    assert list_reason(chains, root, other_pck) is Reason.CRL_INVALID
    processor = SimIntel.create("Processor")
    assert list_reason(chains, root, lists(processor)[1]) is Reason.CRL_INVALID


def test_the_lists_chain_is_the_pcks(
    machine: SimMachine,
    intel: SimIntel,
    intel_collateral: TdxCollateral,
    intel_anchors: TrustAnchors,
) -> None:
    key = new_p256_key()
    second = make_certificate(
        "Intel SGX PCK Platform CA", key, intel.root, intel.root_key, is_ca=True, path_length=0
    )
    changed = replace(intel_collateral, pck_crl_chain=ders(second, intel.root))
    found = walk(machine.chain, changed, intel_anchors)
    root, pck = lists(intel)
    assert list_reason(found, root, pck) is Reason.CRL_INVALID


def test_lists_are_current(chains: Chains, intel: SimIntel) -> None:
    root, pck = lists(intel)
    for now in (SINCE - timedelta(seconds=1), UNTIL + timedelta(seconds=1)):
        assert list_reason(chains, root, pck, now) is Reason.CRL_NOT_CURRENT
