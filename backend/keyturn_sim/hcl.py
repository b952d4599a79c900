"""Azure's HCL report as a paravisor keeps it in the vTPM, and the runtime data that it is bound to.

Source: Azure confidential VM guest attestation design; written independently of the verifier.
Little endian.
"""

import struct

from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.base.encoding import b64url
from keyturn.base.strictjson import dump

REPORT_INDEX = 0x01400001
AK_HANDLE = 0x81000003
_REQUEST, _SNP, _SHA256 = 2, 2, 1


def runtime_data(ak: rsa.RSAPublicKey) -> bytes:
    """Exact JSON bytes that name the vTPM's AK."""
    numbers = ak.public_numbers()
    key = {
        "kid": "HCLAkPub",
        "key_ops": ["sign"],
        "kty": "RSA",
        "e": b64url(numbers.e.to_bytes(3, "big")),
        "n": b64url(numbers.n.to_bytes(256, "big")),
    }
    configuration = {"console-enabled": False, "secure-boot": True, "tpm-enabled": True}
    return dump({"keys": [key], "vm-configuration": configuration, "user-data": "00" * 64})


def hcl_report(report: bytes, runtime: bytes) -> bytes:
    """A report of 1184 bytes, of SNP, with its runtime data."""
    listed = struct.pack("<IIIII", 20 + len(runtime), 1, _SNP, _SHA256, len(runtime)) + runtime
    total = 32 + len(report) + len(listed)
    return struct.pack("<4sIIIIIII", b"HCLA", 1, total, _REQUEST, 0, 0, 0, 0) + report + listed
