"""TPM evidence as a whole: each check, alone, is what refuses; and a refusal shows the others."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest import tpm as tpm_module
from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.azure import HclTee, unwrap_hcl
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.tpm import TpmEvidence, TpmExamination, examine_tpm, verify_tpm
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_conformance import read_pcrs
from keyturn.attest.tpm_key import TpmKey
from support import tpm
from support.tpm import SHA256, ecc_public, record, spec_id

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
NONCE = bytes(range(32))
BANK = HashAlgorithm.SHA256


def made(log: bytes = b"", extra: dict[int, bytes] | None = None) -> TpmEvidence:
    """Evidence whose quoted PCRs are where the log leads."""
    from keyturn.attest.eventlog import parse_event_log

    raw = log or spec_id() + record(0, 8, b"v1") + record(4, 4, bytes(4))
    pcrs = {**parse_event_log(raw).replay(BANK), **(extra or {})}
    message = tpm.quote({SHA256: pcrs}, NONCE)
    return TpmEvidence(
        quote=message,
        signature=tpm.sign(KEY, message),
        ak=ecc_public(KEY),
        pcrs={BANK: pcrs},
        log=raw,
    )


def refused(evidence: TpmEvidence, nonce: bytes | None = NONCE) -> Reason:
    found = examine_tpm(evidence, anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=nonce)
    assert found.claims is None
    assert found.refusal is not None
    with pytest.raises(type(found.refusal)):
        found.proved()
    return found.refusal.reason


def test_good_evidence_is_proved_and_every_step_named() -> None:
    claims, checks = verify_tpm(made(), anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=NONCE)
    assert sorted(claims.pcrs[BANK]) == [0, 4]
    assert claims.log is not None
    assert {each.name: each.outcome for each in checks} == {
        "form": Outcome.MET,
        "AK": Outcome.MET,
        "AK attributes": Outcome.MET,
        "AK certificate": Outcome.NOT_MEASURED,
        "signature": Outcome.MET,
        "nonce": Outcome.MET,
        "PCR values": Outcome.MET,
        "event log": Outcome.MET,
        "event log leads to the PCRs": Outcome.MET,
    }


def test_a_boot_that_was_proved_before_is_compared_to_the_bit() -> None:
    cache = ChainCache()

    def examine(evidence: TpmEvidence) -> TpmExamination:
        return examine_tpm(
            evidence, anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=NONCE, cache=cache
        )

    good = made()
    first = examine(good)
    assert first.refusal is None
    again = examine(good)
    assert again == first
    assert again.log is first.log
    assert good.log is not None
    # Another text under the same registers: read anew, since no digest covers it.
    renamed = replace(good, log=spec_id() + record(0, 9, b"v1") + record(4, 4, bytes(4)))
    shown = examine(renamed)
    assert shown.log is not None
    assert [each.kind for each in shown.log.events] == [9, 4]
    # Other events, other registers, another signature: refused as before.
    forged = replace(good, log=spec_id() + record(0, 8, b"v2") + record(4, 4, bytes(4)))
    assert examine(forged).refusal is not None
    assert good.pcrs is not None
    wrong = {BANK: {**good.pcrs[BANK], 4: bytes(32)}}
    assert examine(replace(good, pcrs=wrong)).refusal is not None
    unsigned = tpm.sign(ec.generate_private_key(ec.SECP256R1()), good.quote)
    assert examine(replace(good, signature=unsigned)).refusal is not None
    assert examine(good) == first
    # The same values, so the same digest over them, but quoted as those of another register.
    moved = {1: good.pcrs[BANK][0], 4: good.pcrs[BANK][4]}
    message = tpm.quote({SHA256: moved}, NONCE)
    posing = replace(good, quote=message, signature=tpm.sign(KEY, message), pcrs={BANK: moved})
    refusal = examine(posing).refusal
    assert refusal is not None
    assert refusal.reason is Reason.EVENTLOG_MISMATCH
    assert examine(good) == first


def test_what_was_refused_is_not_kept() -> None:
    cache = ChainCache()
    good = made()
    other = tpm.sign(ec.generate_private_key(ec.SECP256R1()), good.quote)
    for evidence, nonce in ((replace(good, signature=other), NONCE), (good, bytes(32))):
        examine_tpm(evidence, anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=nonce, cache=cache)
    assert cache.recall(b"TPM key\0" + good.ak, TpmKey) is None


def test_each_wrong_part_is_refused_by_its_own_check() -> None:
    good, other = made(), ec.generate_private_key(ec.SECP256R1())
    assert refused(replace(good, quote=good.quote[:-1])) is Reason.MALFORMED
    assert refused(replace(good, ak=ecc_public(KEY, 0x40072))) is Reason.AK_ATTRIBUTES
    assert refused(replace(good, ak=ecc_public(other))) is Reason.SIGNATURE_INVALID
    assert refused(good, bytes(32)) is Reason.NONCE_MISMATCH
    assert refused(good, NONCE[:-1]) is Reason.NONCE_MISMATCH
    assert refused(replace(good, pcrs={})) is Reason.PCR_VALUES_INCOMPLETE
    assert refused(replace(good, log=b"\1")) is Reason.MALFORMED
    assert refused(replace(good, log=spec_id() + record(0, 8, b"v2"))) is Reason.EVENTLOG_MISMATCH


def test_a_refusal_shows_what_was_met_beside_it_and_what_was_not_reached() -> None:
    found = examine_tpm(
        replace(made(), signature=b""), anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=NONCE
    )
    outcomes = {each.name: each.outcome for each in found.checks}
    assert outcomes["nonce"] is Outcome.MET
    assert outcomes["signature"] is Outcome.NOT_MET
    assert outcomes["PCR values"] is Outcome.NOT_MEASURED


@pytest.mark.parametrize(
    ("broken", "met", "unreached"),
    [
        (
            {"quote": b"\xff"},
            {"AK", "AK attributes", "event log"},
            {"signature", "nonce", "PCR values", "event log leads to the PCRs"},
        ),
        (
            {"ak": b"\0"},
            {"form", "nonce", "event log"},
            {
                "AK attributes",
                "AK certificate",
                "signature",
                "PCR values",
                "event log leads to the PCRs",
            },
        ),
        (
            {"ak": b"-----BEGIN nothing"},
            {"form", "nonce", "event log"},
            {"AK certificate", "signature", "PCR values", "event log leads to the PCRs"},
        ),
        (
            {"log": b"\1"},
            {"form", "AK", "AK attributes", "signature", "nonce", "PCR values"},
            {"event log leads to the PCRs"},
        ),
    ],
)
def test_what_cannot_be_read_leaves_all_that_needs_it_unreached(
    broken: dict[str, bytes], met: set[str], unreached: set[str]
) -> None:
    found = examine_tpm(
        replace(made(), **broken),  # type: ignore[arg-type]
        anchors=HARDWARE_ANCHORS,
        now=NOW,
        expected_nonce=NONCE,
    )
    assert found.refusal is not None
    assert found.refusal.reason is Reason.MALFORMED
    assert {each.name for each in found.checks if each.outcome is Outcome.MET} == met
    assert {each.name for each in found.checks if each.found == "not reached"} == unreached
    assert len([each for each in found.checks if each.outcome is Outcome.NOT_MET]) == 1


def test_what_did_not_come_is_said() -> None:
    found = examine_tpm(
        replace(made(), pcrs=None, log=None),
        anchors=HARDWARE_ANCHORS,
        now=NOW,
        expected_nonce=NONCE,
    )
    assert found.claims is not None
    assert (found.claims.pcrs, found.claims.log) == ({}, None)
    assert {each.name: each.found for each in found.checks if each.outcome is not Outcome.MET} == {
        "AK certificate": "none came",
        "PCR values": "none came with the quote",
        "event log": "none came",
    }


def test_a_key_that_was_proved_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, good = ChainCache(), made()
    for _ in range(2):
        found = examine_tpm(
            good, anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=NONCE, cache=cache
        )
        assert found.claims is not None
        monkeypatch.setattr(tpm_module, "parse_tpm_public", None)


def test_without_a_nonce_no_freshness_is_claimed() -> None:
    found = examine_tpm(made(), anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=None)
    (nonce,) = (each for each in found.checks if each.name == "nonce")
    assert nonce.outcome is Outcome.NOT_MEASURED


def test_a_log_that_leaves_a_firmwares_register_out_is_refused() -> None:
    """A PCR of the firmware that moved, without an event that says why."""
    log = spec_id() + record(0, 8, b"v1") + record(4, 4, bytes(4))
    assert refused(made(log, {2: b"\x07" * 32})) is Reason.EVENTLOG_MISMATCH
    verify = examine_tpm(
        made(log, {2: bytes(32), 11: b"\x07" * 32}),
        anchors=HARDWARE_ANCHORS,
        now=NOW,
        expected_nonce=NONCE,
    )
    assert verify.refusal is None  # untouched, and an operating system's


def test_a_log_without_the_quoted_bank_is_refused() -> None:
    only_sha1 = spec_id([tpm.SHA1]) + record(0, 8, b"v1", banks=[tpm.SHA1])
    assert refused(replace(made(), log=only_sha1)) is Reason.EVENTLOG_MISMATCH
    # Nor does it explain registers that no log of a firmware has to.
    pcrs = {11: b"\x07" * 32}
    message = tpm.quote({SHA256: pcrs}, NONCE)
    changed = {"quote": message, "signature": tpm.sign(KEY, message), "pcrs": {BANK: pcrs}}
    evidence = replace(made(), **changed)  # type: ignore[arg-type]
    assert refused(replace(evidence, log=only_sha1)) is Reason.EVENTLOG_MISMATCH


def test_a_bare_key_shows_no_attributes() -> None:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    found = examine_tpm(
        replace(made(), ak=pem), anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=NONCE
    )
    (check,) = (each for each in found.checks if each.name == "AK attributes")
    assert (found.refusal, check.outcome) == (None, Outcome.NOT_MEASURED)
    assert refused(replace(made(), ak=b"-----BEGIN nothing")) is Reason.MALFORMED


def azure(vectors: Path, name: str) -> TpmEvidence:
    folder = vectors / "tpm" / name
    return TpmEvidence(
        quote=(folder / "quote.msg").read_bytes(),
        signature=(folder / "quote.sig").read_bytes(),
        ak=(folder / "ak_public.pem").read_bytes(),
        pcrs=read_pcrs((folder / "pcrs-sha256.json").read_bytes()),
        runtime_data=unwrap_hcl(
            (folder / "hcl-report.bin").read_bytes(), HclTee.TDX if "tdx" in name else HclTee.SNP
        ).runtime_data,
    )


def test_an_ak_that_another_machines_paravisor_names_is_refused(vectors_dir: Path) -> None:
    one, other = azure(vectors_dir, "azure-snp-vtpm"), azure(vectors_dir, "azure-tdx-vtpm")
    verify_tpm(one, anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=b"challenge")
    with pytest.raises(UntrustedEvidence) as caught:
        verify_tpm(
            replace(one, runtime_data=other.runtime_data),
            anchors=HARDWARE_ANCHORS,
            now=NOW,
            expected_nonce=b"challenge",
        )
    assert caught.value.reason is Reason.AK_MISMATCH


@pytest.mark.parametrize(
    "data",
    [b"{}", b'{"keys":[]}', b'{"keys":[{"kid":"HCLAkPub","kty":"EC"}]}', b"\xff",
     b'{"keys":[{"kid":"HCLAkPub","kty":"RSA","n":"A*","e":"AQAB"}]}',
     b'{"keys":[{"kid":"HCLAkPub","kty":"RSA","n":"AQAB","e":"AQAB"}]}'],
)  # fmt: skip
def test_runtime_data_without_a_readable_ak_is_refused(data: bytes) -> None:
    assert refused(replace(made(), runtime_data=data)) is Reason.MALFORMED
