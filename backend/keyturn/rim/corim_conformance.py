"""CoRIM cases of an attestation manifest: bytes and a key go in, and nothing else."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from keyturn.attest.conformance import Finding, Verdict
from keyturn.attest.errors import REFUSALS
from keyturn.base.strictjson import Json, JsonObject
from keyturn.rim.corim import SignedCorim, check_form, verify_corim


def evaluate_corim(files: Mapping[str, bytes], now: datetime | None) -> Finding:
    """Verify a signed one by its key, or check the form of an unsigned one."""
    raw, key = files["evidence"], files.get("key")
    try:
        if key is not None:
            return Finding(Verdict.ACCEPT, "ok", _signed(verify_corim(raw, key, now)))
        document: JsonObject = {
            "cbor_tag": check_form(raw),
            "sha256": sha256(raw).hexdigest(),
            "size": len(raw),
        }
        return Finding(Verdict.ACCEPT, "ok", document)
    except REFUSALS as refusal:
        return Finding(Verdict.REJECT, refusal.reason.value, {}, str(refusal))


def _signed(found: SignedCorim) -> JsonObject:
    protected: JsonObject = {str(name): _json(value) for name, value in found.protected.items()}
    return {
        "protected": protected,
        "payload_len": len(found.payload),
        "payload_sha256": sha256(found.payload).hexdigest(),
        "signer": found.signer,
    }


def _json(value: object) -> Json:
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int) else str(value)
