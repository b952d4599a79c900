"""A golden node of each kind, proved by the real verifiers, and rules that a baseline must meet."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.nvidia import Asked, examine_switch
from keyturn.attest.nvidia_claims import GpuClaims, SwitchClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import read_collateral
from keyturn.attest.tpm import TpmClaims
from keyturn.attest.tpm_algorithms import HashAlgorithm, Scheme
from keyturn.attest.tpm_quote import TpmQuote, TpmSignature
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import dump
from keyturn.policy.observed import Observed
from keyturn.policy.shown import Shown, platform_of
from keyturn_sim.bootlog import SimBoot
from keyturn_sim.tdx import SimIntel, SimTd
from support.nvdevices import Vendor as Maker
from unit.keyrelease.release_desk import Desk, simulated

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
EVIDENCE = digest_of(b"a request")
MODEL = Digest("sha256:" + "0a" * 32)
_QUOTE = TpmQuote(b"", b"", 0, 0, 0, True, 0, (), b"", b"")
_SIGNATURE = TpmSignature(Scheme.ECDSA, HashAlgorithm.SHA256, (1, 1))


@cache
def snp_and_gpus(count: int = 1) -> tuple[SnpClaims, tuple[GpuClaims, ...]]:
    """Of a simulated node."""
    desk = Desk()
    desk.node = replace(desk.node, sim=simulated(count))
    found = desk.verified(desk.request())
    assert isinstance(found.cpu, SnpClaims)
    return found.cpu, found.gpus


@cache
def td() -> TdxClaims:
    when = datetime(2026, 11, 23, 8, tzinfo=UTC)
    intel = SimIntel.create()
    shape = SimTd(tee_tcb_svn_2=SimTd().tee_tcb_svn)
    return verify_tdx(
        intel.certify().quote(shape, bytes(64), version=5),
        read_collateral(dump(intel.collateral(when))),
        anchors=HARDWARE_ANCHORS.with_simulated(
            {Vendor.INTEL_SGX: [SpkiDigest(intel.root_spki)]}, source="test"
        ),
        now=when,
        expected_report_data=None,
    ).claims


@cache
def switch() -> SwitchClaims:
    maker, nonce = Maker.create(), bytes(32)
    device = maker.switch(b"\x01" * 8, ())
    anchors = HARDWARE_ANCHORS.with_simulated(
        {Vendor.NVIDIA_DEVICE: [SpkiDigest(maker.spki)]}, source="test"
    )
    when = datetime(2026, 11, 23, 8, tzinfo=UTC)
    asked = Asked(anchors=anchors, now=when, expected_nonce=nonce, cache=ChainCache())
    found = examine_switch(device.report(nonce), device.chain, asked)
    assert found.claims is not None
    return found.claims


def tpm(boot: SimBoot | None = None) -> TpmClaims:
    """As `verify_tpm` makes them of a machine that booted so."""
    log = parse_event_log((boot or SimBoot()).log())
    bank = HashAlgorithm.SHA256
    return TpmClaims(_QUOTE, _SIGNATURE, None, None, {bank: log.replay(bank)}, log, True)


def shown(*, gpus: int = 1, with_tpm: bool = False) -> Shown:
    cpu, devices = snp_and_gpus(gpus)
    quoted = tpm() if with_tpm else None
    return Shown(cpu, devices, tpm=quoted, gpus_shown=len(devices), tpm_shown=with_tpm)


def observed(found: Shown | None, node: str = "golden-1") -> Observed:
    platform = "" if found is None else platform_of(found.cpu)
    evidence = None if found is None else EVIDENCE
    return Observed(node, MODEL, platform, evidence, NOW, found, (), frozenset())
