"""The HCL report's form, by the offsets of its description."""

import struct

from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.base.encoding import sha256
from keyturn.base.strictjson import parse_object
from keyturn_sim import SimNode, SimVendors
from keyturn_sim.hcl import runtime_data


def test_a_report_with_its_runtime_data(vendors: SimVendors) -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    runtime = runtime_data(key)
    node = SimNode.create(vendors, measurement=b"\x42" * 48, paravisor=True)
    raw = node.hcl_report(runtime)
    assert raw[:4] == b"HCLA"
    assert struct.unpack_from("<I", raw, 8) == (len(raw),)
    assert raw[32 + 0x50 : 32 + 0x90] == sha256(runtime) + bytes(32)
    assert raw[32 + 0x90 : 32 + 0xC0] == b"\x42" * 48
    size, version, kind, hashing, length = struct.unpack_from("<IIIII", raw, 32 + 1184)
    assert (size, version, kind, hashing) == (length + 20, 1, 2, 1)
    assert raw[-length:] == runtime
    (named,) = parse_object(runtime, limit=4096, what="runtime").objects("keys")
    assert named.text("kid") == "HCLAkPub"
    assert len(raw) <= 2048, "an NV index of a TPM holds it"
