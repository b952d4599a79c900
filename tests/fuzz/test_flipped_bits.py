"""Recorded evidence of each TEE with one bit flipped is refused, whichever bit it is.

Usually one bit of every byte, another in each; all of them with `run_suites.py fuzz --long`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import ChainCache, Parsed
from keyturn.attest.errors import REFUSALS
from keyturn.attest.nvidia import verify_gpu, verify_switch
from keyturn.attest.snp import SnpCollateral, verify_snp
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_collateral import Documents, read_collateral
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.attest.tpm_key import parse_tpm_public
from keyturn.attest.tpm_quote import parse_quote, verify_quote
from keyturn.base.strictjson import Json
from support.fuzzing import flipped

NVIDIA = {
    "hopper-545-full": datetime(2024, 6, 1, tzinfo=UTC),
    "switch-ls10-96105500": datetime(2026, 9, 1, tzinfo=UTC),
}
TDX = {
    ("v4-phala-b0c06f", "b0c06f-2025-06"): datetime(2025, 6, 25, tzinfo=UTC),
    ("v5-google-90c06f", "90c06f-2026-02b"): datetime(2026, 2, 25, tzinfo=UTC),
}
Check = Callable[[bytes], object]


def refuses(check: Check, raw: bytes, changed: Iterator[bytes]) -> int:
    """All of these, but not the recording itself; how many there were."""
    check(raw)
    count = 0
    for each in changed:
        with pytest.raises(REFUSALS):
            check(each)
        count += 1
    return count


def snp_case(vectors: Path, name: str) -> tuple[bytes, Check]:
    manifest: Json = json.loads((vectors / "manifest.json").read_bytes())
    (case,) = (each for each in manifest["cases"] if each["id"] == name)  # type: ignore[index,call-overload]
    files = {role: (vectors / path).read_bytes() for role, path in case["files"].items()}
    ((root,), (intermediate,)) = (pem_certificates(files[each]) for each in ("ark", "intermediate"))
    collateral = SnpCollateral(vek=files["vek"], intermediate=intermediate, root=root)
    cache, now = ChainCache(), datetime.fromisoformat(case["verify_time"])

    def check(report: bytes) -> None:
        verify_snp(
            report,
            collateral,
            anchors=HARDWARE_ANCHORS,
            now=now,
            expected_report_data=None,
            cache=cache,
        )

    return files["evidence"], check


@pytest.mark.parametrize("name", ["snp-milan-v2-virtee", "snp-genoa-v5-routex"])
def test_a_report_of_snp(vectors_dir: Path, name: str) -> None:
    """What is signed, the signature's r and s with their padding, and the zeros behind."""
    raw, check = snp_case(vectors_dir, name)
    assert refuses(check, raw, flipped(raw, range(len(raw)))) >= len(raw)


@pytest.mark.parametrize("names", TDX, ids=["v4", "v5"])
def test_a_quote_of_tdx(vectors_dir: Path, names: tuple[str, str]) -> None:
    """Header and body, signatures, keys and the enclave's report; not the PEM of the chain."""
    folder = vectors_dir / "tdx"
    raw = (folder / names[0] / "quote.bin").read_bytes()
    documents = read_collateral((folder / "collateral" / f"{names[1]}.json").read_bytes())
    cache, parsed = ChainCache(), Parsed[Documents]()
    quote = parse_tdx_quote(raw)

    def check(changed: bytes) -> None:
        verify_tdx(
            changed,
            documents,
            anchors=HARDWARE_ANCHORS,
            now=TDX[names],
            expected_report_data=None,
            cache=cache,
            parsed=parsed,
        )

    end = len(raw) - quote.trailing - len(quote.pck_chain)
    assert refuses(check, raw, flipped(raw, range(end))) >= end


@pytest.mark.parametrize("signed", ["tcb_info", "qe_identity"])
def test_collateral_of_tdx(vectors_dir: Path, signed: str) -> None:
    """What Intel signed, character for character, and its signature."""
    folder = vectors_dir / "tdx"
    quote = (folder / "v4-phala-b0c06f" / "quote.bin").read_bytes()
    documents = read_collateral((folder / "collateral" / "b0c06f-2025-06.json").read_bytes())
    cache = ChainCache()

    def checked(field: str) -> Check:
        return lambda raw: verify_tdx(
            quote,
            replace(documents, **{field: raw}),
            anchors=HARDWARE_ANCHORS,
            now=TDX["v4-phala-b0c06f", "b0c06f-2025-06"],
            expected_report_data=None,
            cache=cache,
        )

    for field in (signed, f"{signed}_signature"):
        raw = getattr(documents, field)
        assert refuses(checked(field), raw, flipped(raw, range(len(raw)))) >= len(raw)


@pytest.mark.parametrize("folder", NVIDIA)
def test_a_report_of_nvidia(vectors_dir: Path, folder: str) -> None:
    """Request and response, measurements, opaque fields, and the signature over all of it."""
    raw = (vectors_dir / "nvidia" / folder / "report.bin").read_bytes()
    chain = pem_certificates((vectors_dir / "nvidia" / folder / "chain.pem").read_bytes())
    verify = verify_switch if folder.startswith("switch") else verify_gpu
    cache = ChainCache()

    def check(report: bytes) -> None:
        verify(
            report,
            chain,
            anchors=HARDWARE_ANCHORS,
            now=NVIDIA[folder],
            expected_nonce=None,
            cache=cache,
        )

    assert refuses(check, raw, flipped(raw, range(len(raw)))) >= len(raw)


@pytest.mark.parametrize("kind", ["ecc", "rsa"])
def test_a_quote_of_a_tpm(vectors_dir: Path, kind: str) -> None:
    """All bits of the quote, always, and those of its signature."""
    folder = vectors_dir / "tpm" / "swtpm"
    raw, signature = ((folder / f"quote-{kind}.{each}").read_bytes() for each in ("msg", "sig"))
    key = parse_tpm_public((folder / f"ak-{kind}.tpmt").read_bytes()).public_key

    def check(changed: bytes) -> None:
        verify_quote(parse_quote(changed), signature, key)

    assert refuses(check, raw, flipped(raw, range(len(raw)), usual=8)) == 8 * len(raw)
    refuses(
        lambda changed: verify_quote(parse_quote(raw), changed, key),
        signature,
        flipped(signature, range(len(signature)), usual=8),
    )
