"""Where a leaf certificate has its firmware id: each chip has its own extension."""

from dataclasses import replace

import pytest

from keyturn.attest.certificates import Certificate, Extension, parse_certificate
from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason
from keyturn.attest.nvidia_fwid import FwidExtension, certified_fwid, check_fwid
from keyturn.attest.spdm import parse_gpu_report
from keyturn_sim import SimNode
from keyturn_sim.gpu import composite_device_id
from keyturn_sim.pki import der_tlv, new_p384_key
from support.nvdevices import tcb_info

HOPPER, BLACKWELL = FwidExtension.COMPOSITE_DEVICE_ID, FwidExtension.DICE_TCB_INFO
FWID, ZEROS = b"\x05" * 48, bytes(48)
SHA256 = bytes.fromhex("0609608648016503040201")


@pytest.fixture
def leaf(node: SimNode) -> Certificate:
    return parse_certificate(node.gpus[0].chain[0])


def with_extensions(leaf: Certificate, found: dict[FwidExtension, bytes]) -> Certificate:
    extensions = {kind.value: Extension(False, value) for kind, value in found.items()}
    return replace(leaf, extensions=extensions)


def test_a_hopper_leaf_has_a_composite_device_id(leaf: Certificate, node: SimNode) -> None:
    assert certified_fwid(leaf, HOPPER) == node.gpus[0].fwid
    assert certified_fwid(leaf, BLACKWELL) is None


def test_a_blackwell_leaf_lists_its_own_first(leaf: Certificate) -> None:
    # As recorded: the second of its list is zeros.
    changed = with_extensions(leaf, {BLACKWELL: tcb_info(FWID, ZEROS)})
    assert certified_fwid(changed, BLACKWELL) == FWID
    assert certified_fwid(changed, HOPPER) is None
    single = with_extensions(leaf, {BLACKWELL: tcb_info(FWID)})
    assert certified_fwid(single, BLACKWELL) == FWID


@pytest.mark.parametrize(
    "value",
    [
        tcb_info(),
        tcb_info(b"\x05" * 32),
        tcb_info(FWID, algorithm=SHA256),
        tcb_info(FWID, b"\x05" * 32),
        tcb_info(FWID) + b"\0",
        b"",
        composite_device_id(new_p384_key().public_key(), FWID),
    ],
)
def test_tcb_info_of_another_form_is_refused(leaf: Certificate, value: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        certified_fwid(with_extensions(leaf, {BLACKWELL: value}), BLACKWELL)


def with_more(value: bytes, inner: bytes) -> bytes:
    """A whole element of one length byte or two, with more at its end."""
    header = 2 if value[1] < 0x80 else 3
    return der_tlv(value[0], value[header:] + inner)


COMPOSITE = composite_device_id(new_p384_key().public_key(), FWID)
_SHA384_FWID = bytes.fromhex("0609608648016503040202") + der_tlv(0x04, FWID)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        tcb_info(FWID),
        b"\x30\x00",
        COMPOSITE + b"\0",
        with_more(COMPOSITE, b"\x05\x00"),
        COMPOSITE.replace(
            der_tlv(0x30, _SHA384_FWID), der_tlv(0x30, _SHA384_FWID + b"\x05\x00")
        ).replace(COMPOSITE[:3], COMPOSITE[:2] + bytes([COMPOSITE[2] + 2]), 1),
    ],
)
def test_a_composite_device_id_of_another_form_is_refused(leaf: Certificate, value: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        certified_fwid(with_extensions(leaf, {HOPPER: value}), HOPPER)


def test_a_composite_device_id_is_read_when_it_is_whole(leaf: Certificate) -> None:
    assert certified_fwid(with_extensions(leaf, {HOPPER: COMPOSITE}), HOPPER) == FWID


def test_a_reported_id_must_be_the_certified_one(leaf: Certificate, node: SimNode) -> None:
    report = parse_gpu_report(node.gpu_report(0, bytes(32)))
    assert check_fwid(report, leaf, HOPPER) == node.gpus[0].fwid
    for extensions in ({}, {HOPPER: composite_device_id(new_p384_key().public_key(), FWID)}):
        with pytest.raises(REFUSALS) as caught:
            check_fwid(report, with_extensions(leaf, extensions), HOPPER)
        assert caught.value.reason is Reason.FWID_MISMATCH


def test_a_second_listed_id_does_not_serve(leaf: Certificate, node: SimNode) -> None:
    report = parse_gpu_report(node.gpu_report(0, bytes(32)))
    changed = with_extensions(leaf, {BLACKWELL: tcb_info(ZEROS, node.gpus[0].fwid)})
    with pytest.raises(REFUSALS) as caught:
        check_fwid(report, changed, BLACKWELL)
    assert caught.value.reason is Reason.FWID_MISMATCH
