"""The SPDM report's form: recorded, as the vendor's own parser reads it, and changed."""

import json

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.spdm import Opaque, parse_gpu_report
from keyturn_sim import SimNode

NONCE = bytes(range(32))


def test_a_recorded_report_reads_as_the_vendors_parser_read_it(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    report = parse_gpu_report(
        (vectors_dir / "nvidia/hopper-580-vbios-mismatch/report.bin").read_bytes()
    )
    theirs = json.loads((vectors_dir / "nvidia/eat/spdm-parsed-output.json").read_bytes())
    assert "0x" + report.responder_nonce.hex() == theirs["Nonce"]
    signature = report.r.to_bytes(48, "big") + report.s.to_bytes(48, "big")
    assert "0x" + signature.hex() == theirs["Signature"]
    blocks = theirs["MeasurementRecord"]["MeasurementBlocks"]
    assert {i + 1: "0x" + v.hex() for i, v in report.measurements.items()} == {
        int(index): block["DMTFSpecMeasurementValue"] for index, block in blocks.items()
    }
    fields = theirs["OpaqueData"]["OpaqueDataField"]
    for kind in (Opaque.VBIOS_VERSION, Opaque.BOARD_ID, Opaque.DRIVER_VERSION, Opaque.FWID):
        value = report.field(kind)
        assert value is not None
        assert "0x" + value.hex() == fields[f"OPAQUE_FIELD_ID_{kind.name}"]


def test_what_the_simulator_wrote_is_read(node: SimNode) -> None:
    raw = node.gpu_report(0, NONCE)
    report = parse_gpu_report(raw)
    assert report.nonce == NONCE
    assert len(report.measurements) == 64
    assert report.measurements[39] == b"\x28" * 48
    assert report.measurements[40] == bytes(48)
    assert report.signed == raw[:-96]


def test_every_cut_and_every_extra_byte_is_refused(node: SimNode) -> None:
    raw = node.gpu_report(0, NONCE)
    for size in (*range(0, 200), *range(len(raw) - 400, len(raw))):
        with pytest.raises(MalformedEvidence):
            parse_gpu_report(raw[:size])
    for extra in (b"\x01", b"\0\0", b"\0\x01", bytes(4)):
        with pytest.raises(MalformedEvidence, match="does not end with its signature"):
            parse_gpu_report(raw + extra)


def test_a_record_that_reaches_over_the_end_is_named(node: SimNode) -> None:
    raw = bytearray(node.gpu_report(0, NONCE))
    raw[42:45] = (len(raw) - 45 - 32).to_bytes(3, "little")  # leaves no room for opaque's length
    with pytest.raises(MalformedEvidence, match="ends inside its measurements"):
        parse_gpu_report(bytes(raw))


def test_one_zero_byte_after_the_signature_is_reported(node: SimNode) -> None:
    # vectors/nvidia/README: recorded once; bytes beyond that are refused.
    raw = node.gpu_report(0, NONCE)
    plain, longer = parse_gpu_report(raw), parse_gpu_report(raw + b"\0")
    assert (plain.trailing, longer.trailing) == (0, 1)
    assert (longer.signed, longer.r, longer.s) == (plain.signed, plain.r, plain.s)


@pytest.mark.parametrize(
    "at",
    [
        0,  # SPDM version of the request
        1,  # its code
        2,  # signature not requested
        3,  # not all measurements
        37,  # SPDM version of the response
        38,  # its code
        41,  # number of blocks
        42,  # record length
        45,  # first block's index
        46,  # its specification
        47,  # its size
        50,  # its value size
    ],
)
def test_another_form_is_refused(node: SimNode, at: int) -> None:
    raw = bytearray(node.gpu_report(0, NONCE))
    raw[at] ^= 0x02
    with pytest.raises(MalformedEvidence):
        parse_gpu_report(bytes(raw))


def test_fewer_blocks_than_the_record_holds_are_refused(node: SimNode) -> None:
    raw = bytearray(node.gpu_report(0, NONCE))
    raw[41] = 63
    with pytest.raises(MalformedEvidence, match="another length"):
        parse_gpu_report(bytes(raw))


def test_there_are_eight_slots(node: SimNode) -> None:
    raw = bytearray(node.gpu_report(0, NONCE))
    raw[36] = 7
    assert parse_gpu_report(bytes(raw)).slot == 7
    raw[36] = 8
    with pytest.raises(MalformedEvidence):
        parse_gpu_report(bytes(raw))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (b"\x03\0\x01\0\0", "twice"),
        (b"\x63\0\x05\0\x01", "cut off"),
        (b"\x63\0\x05", "inside an opaque field"),
        (b"\x63", "inside an opaque field"),
    ],
)
def test_an_opaque_field_stands_once_and_whole(node: SimNode, more: bytes, message: str) -> None:
    raw = node.gpu_report(0, NONCE)
    start = 45 + 64 * 55 + 32
    size = int.from_bytes(raw[start : start + 2], "little")
    longer = (size + len(more)).to_bytes(2, "little")
    changed = raw[:start] + longer + raw[start + 2 : -96] + more + raw[-96:]
    with pytest.raises(MalformedEvidence, match=message):
        parse_gpu_report(changed)
