"""Documents of devices: everything that was read, proved or not."""

import json
from datetime import UTC, datetime
from pathlib import Path

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.nvidia import Asked, examine_gpu, examine_switch, verify_gpu
from keyturn.attest.nvidia_documents import (
    gpu_document,
    set_document,
    shown_document,
    switch_document,
)
from keyturn_sim import SimNode
from support.nvdevices import Vendor as Maker

PDI, OTHER = bytes.fromhex("2921ce551e4eeda3"), bytes.fromhex("666e93e19dec7d2d")
NONCE = bytes(range(32))


def test_gpu(node: SimNode, anchors: TrustAnchors, now: datetime) -> None:
    claims = verify_gpu(
        node.gpu_report(0, bytes(32)),
        node.gpus[0].chain,
        anchors=anchors,
        now=now,
        expected_nonce=bytes(32),
    ).claims
    document = json.loads(json.dumps(gpu_document(claims)))
    assert (document["simulated"], document["number_of_blocks"]) == (True, 64)
    assert document["measurement_3"] == "04" * 48
    assert document["opaque_fwid"] == node.gpus[0].fwid.hex()
    assert (document["arch"], document["architecture"]) == ("GH100", "hopper")
    assert "switch_pdis" not in document


def test_switch(maker: Maker, asked: Asked) -> None:
    switch = maker.switch(OTHER, (PDI,))
    examined = examine_switch(switch.report(NONCE), switch.chain, asked)
    document = json.loads(json.dumps(switch_document(examined.proved())))
    assert (document["driver_version"], document["vbios_version"]) == ("", "96.10.73.00.01")
    assert document["gpu_pdis"] == [PDI.hex()]
    assert document["opaque_switch_pdi"] == document["certified_pdi"] == OTHER.hex()
    assert document == shown_document(examined)


def test_what_was_refused_is_shown_as_far_as_it_was_read(maker: Maker, asked: Asked) -> None:
    for device, examine in (
        (maker.gpu(pdi=PDI), examine_gpu),
        (maker.switch(PDI, (OTHER,)), examine_switch),
    ):
        good = shown_document(examine(device.report(NONCE), device.chain, asked))
        refused = examine(device.report(bytes(32)), device.chain, asked)
        assert refused.claims is None
        shown = shown_document(refused)
        assert shown["nonce"] == "00" * 32
        names = set(good) - {"architecture", "device_id", "simulated"}
        assert names == set(shown)  # what only a proof can say is not there
        no_chain = shown_document(examine(device.report(NONCE), (), asked))
        assert (no_chain["nonce"], "chain" in no_chain) == (NONCE.hex(), False)
        no_report = shown_document(examine(b"", device.chain, asked))
        assert "nonce" not in no_report
        assert no_report["certified_pdi"] == PDI.hex()
        odd = device.with_fields(f6=b"?")
        assert "vbios_version" not in shown_document(examine(odd.report(NONCE), odd.chain, asked))


def test_a_machines_devices_are_shown_together(maker: Maker, asked: Asked) -> None:
    gpu = maker.gpu(pdi=PDI, f22=OTHER[::-1] * 2 + bytes(8))
    switch = maker.switch(OTHER, (PDI,))
    claims = examine_gpu(gpu.report(NONCE), gpu.chain, asked).proved()
    seen = examine_switch(switch.report(NONCE), switch.chain, asked).proved()
    document = set_document([claims], [seen])
    assert document["gpu_switch_pdis_byte_reversed"] == document["switch_pdis"] == [OTHER.hex()]
    assert document["switch_gpu_pdis"] == [PDI.hex()]
    assert document["nonce"] == NONCE.hex()
    assert "nonce" not in set_document([], [])


def test_switches_are_shown_where_there_are_any(vectors_dir: Path) -> None:
    folder = vectors_dir / "nvidia/ppcie-8gpu/gpu0"
    claims = verify_gpu(
        (folder / "report.bin").read_bytes(),
        pem_certificates((folder / "chain.pem").read_bytes()),
        anchors=HARDWARE_ANCHORS,
        now=datetime(2026, 3, 1, tzinfo=UTC),
        expected_nonce=None,
    ).claims
    document = gpu_document(claims)
    assert document["feature_flag_name"] == "PPCIE"
    assert document["switch_pdis"] == [pdi.hex() for pdi in claims.switch_pdis]
    assert len(claims.switch_pdis) == 18


def test_what_is_shown_of_proved_claims_is_their_document(maker: Maker, asked: Asked) -> None:
    gpu = maker.gpu()
    examined = examine_gpu(gpu.report(bytes(range(32))), gpu.chain, asked)
    assert shown_document(examined) == gpu_document(examined.proved())
