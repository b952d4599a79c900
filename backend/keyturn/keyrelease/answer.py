"""What a node checks before it believes a grant (our protocol §5.6), and how it opens the DEK."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from keyturn.base.encoding import Digest, digest_bytes, digest_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.ear import AFFIRMING, WARNING, EarClaims, ear_digest, verify_ear
from keyturn.keyrelease.entries import GrantEntry, read_grant
from keyturn.keyrelease.errors import AnswerRejected
from keyturn.keyrelease.grant import GrantBody, ReleaseAnswer, parse_grant
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.quorum.bodies import OaepHash
from keyturn.quorum.bundle import Authority
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.tlog.receipts import parse_receipt, verify_receipt

HPKE_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
DEK_SIZE = 32
_HASHES: dict[OaepHash, type[hashes.HashAlgorithm]] = {
    OaepHash.SHA1: hashes.SHA1,
    OaepHash.SHA256: hashes.SHA256,
    OaepHash.SHA384: hashes.SHA384,
}


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer that belongs to this request, is logged, and comes from the pinned authority."""

    grant: GrantBody
    entry: GrantEntry
    index: int
    ear: EarClaims
    sealed_dek: bytes | None


def check_answer(
    answer: ReleaseAnswer, request: ReleaseRequest, authority: Authority, now: datetime
) -> CheckedAnswer:
    """Raises AnswerRejected, or the error of the part that is wrong (receipt, EAR, grant)."""
    grant = parse_grant(answer.grant)
    _check_grant(grant, request)
    verified = verify_receipt(parse_receipt(answer.receipt), authority.log_key(), authority.origin)
    entry = parse_entry(verified.leaf)
    if entry.kind is not EntryKind.GRANT:
        raise AnswerRejected("the receipt proves another kind of entry", found=entry.kind.value)
    logged = read_grant(entry)
    _check_entry(logged, grant, request)
    _same("EAR digest", ear_digest(answer.ear), grant.ear)
    ear = verify_ear(answer.ear, authority.result_key())
    _check_ear(ear, logged, request, now)
    if (answer.sealed_dek is None) != (request.purpose is Purpose.RENEWAL):
        raise AnswerRejected("a release carries a sealed DEK, a renewal carries none")
    return CheckedAnswer(grant, logged, verified.index, ear, answer.sealed_dek)


def open_dek(
    checked: CheckedAnswer,
    hpke_key: hpke.MLKEM768X25519PrivateKey,
    rsa_key: rsa.RSAPrivateKey,
) -> bytearray:
    """The DEK, 32 bytes, proved to be this model's by its tag. The caller wipes it.

    The libraries return immutable bytes, so one copy stays until its memory is reused (I4's limit).
    Raises AnswerRejected.
    """
    if checked.sealed_dek is None:
        raise AnswerRejected("a renewal carries no DEK")
    chosen = _HASHES[checked.grant.oaep_hash]()
    oaep = padding.OAEP(padding.MGF1(chosen), chosen, None)
    try:
        wrapped = HPKE_SUITE.decrypt(checked.sealed_dek, hpke_key, checked.grant.hpke_info)
        dek = bytearray(rsa_key.decrypt(wrapped, oaep))
    except (InvalidTag, ValueError) as error:
        raise AnswerRejected("the sealed DEK does not open with this node's keys") from error
    if len(dek) != DEK_SIZE or not dek_fits(dek, checked.grant.model, checked.grant.tag):
        for place in range(len(dek)):
            dek[place] = 0
        raise AnswerRejected(
            "the DEK is not this model's: its tag does not verify",
            expected="HMAC(DEK, model digest) = the admitted tag",
        )
    return dek


def dek_fits(dek: bytearray, model: Digest, tag: bytes) -> bool:
    """Whether `tag` (32 bytes) is HMAC-SHA256(DEK, "keyturn-model-v1" ‖ model digest) (§3.3)."""
    message = b"keyturn-model-v1" + digest_bytes(model)
    return hmac.compare_digest(hmac.digest(dek, message, "sha256"), tag)


def _check_grant(grant: GrantBody, request: ReleaseRequest) -> None:
    _same("purpose", grant.purpose.value, request.purpose.value)
    _same("challenge", grant.challenge.hex(), request.challenge.hex())
    _same("core", grant.core.hex(), request.core.hex())
    _same("binding", grant.binding.hex(), request.binding.hex())
    _same("model", grant.model, request.model)
    if request.purpose is Purpose.RENEWAL:
        _same("lease", grant.lease, str(request.claims.lease))


def _check_entry(logged: GrantEntry, grant: GrantBody, request: ReleaseRequest) -> None:
    """The entry names this grant, and says the same as the grant wherever both speak."""
    _same("logged grant", logged.grant, grant.digest)
    _same("logged evidence", logged.evidence, request.digest)
    _same("logged TLS key", logged.tls, digest_of(request.keys.tls))
    _same("logged node", logged.node, request.claims.node)
    _same("logged purpose", logged.purpose.value, grant.purpose.value)
    _same("logged lease", logged.lease, grant.lease)
    _same("logged challenge", logged.challenge.hex(), grant.challenge.hex())
    _same("logged model", logged.model, grant.model)
    _same("logged core", logged.core.hex(), grant.core.hex())
    _same("logged statements", " ".join(logged.statements), " ".join(grant.statements))


def _check_ear(ear: EarClaims, logged: GrantEntry, request: ReleaseRequest, now: datetime) -> None:
    prompt = digest_of(request.keys.prompt) if request.keys.prompt else None
    _same("EAR nonce", ear.challenge.hex(), request.challenge.hex())
    _same("EAR lease", ear.lease, logged.lease)
    _same("EAR model", ear.model, request.model)
    _same("EAR TLS key", ear.tls, logged.tls)
    _same("EAR prompt key", str(ear.prompt), str(prompt))
    _same("EAR caveats", " ".join(ear.caveats), " ".join(logged.caveats))
    _same("EAR end", ear.expires.isoformat(), logged.until.isoformat())
    shown = request.evidence
    devices = ["cpu0", *(f"gpu{place}" for place in range(len(shown.gpus)))]
    devices += [f"nvswitch{place}" for place in range(len(shown.switches))]
    names = [each.name for each in ear.submodules]
    if shown.tpm is not None and names[-1:] == ["tpm0"]:
        devices.append("tpm0")  # only where the policy asked for it
    _same("EAR submodules", " ".join(names), " ".join(devices))
    for each in ear.submodules:  # a warning is of what the policy let pass, and stands there
        if each.status not in (AFFIRMING, WARNING):
            raise AnswerRejected(
                "the EAR does not affirm every device",
                found=f"{each.name}: {each.status}",
                expected=f"{AFFIRMING} or {WARNING}",
            )
    if now >= ear.expires:
        raise AnswerRejected("the EAR has expired", found=ear.expires.isoformat())


def _same(what: str, found: str, expected: str) -> None:
    if found != expected:
        raise AnswerRejected(
            f"the answer is not for this request: {what} differs",
            found=found[:128],
            expected=expected[:128],
        )
