"""The simulated GPU report's bytes, at the offsets of DSP0274 and nvtrust."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn_sim import SimNode, SimVendors
from keyturn_sim.gpu import _vbios_bytes


def test_request_response_and_signature(node: SimNode) -> None:
    gpu = node.gpus[0]
    report = gpu.report(b"\x01" * 32, b"\x02" * 32)
    assert report[:4].hex() == "11e001ff"
    assert report[4:36] == b"\x01" * 32
    assert report[37:45].hex() == "1160000040c00d00"  # as recorded from an H100
    block = 45 + 3 * 55
    assert report[block : block + 7].hex() == "04013300013000"
    assert report[block + 7 : block + 55] == b"\x03" * 48
    assert report[45 + 64 * 55 :][:32] == b"\x02" * 32
    r, s = int.from_bytes(report[-96:-48], "big"), int.from_bytes(report[-48:], "big")
    gpu.key.public_key().verify(encode_dss_signature(r, s), report[:-96], ec.ECDSA(hashes.SHA384()))


def test_the_vbios_version_as_recorded() -> None:
    # nvidia/eat/spdm-parsed-output.json of a report whose VBIOS is 96.00.74.00.20.
    assert _vbios_bytes("96.00.74.00.20").hex() == "0074009620000000"
    with pytest.raises(ValueError, match="five parts"):
        _vbios_bytes("96.00")


def test_each_gpu_has_keys_and_a_chain_of_its_own(vendors: SimVendors) -> None:
    first, second = vendors.issue_gpu({}), vendors.issue_gpu({})
    assert len(first.chain) == len(second.chain) == 5
    assert first.chain[2:] == second.chain[2:]
    assert not set(first.chain[:2]) & set(second.chain[:2])
