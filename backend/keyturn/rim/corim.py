"""CoRIM (draft-ietf-rats-corim-08): manifests of reference values, signed by COSE_Sign1.

A signed one is believed for its signer's key, which the caller brings; what it says is then for
people to propose as reference values. The keyholder reads none of this (DESIGN §4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.jws import JwsAlgorithm, read_jwk
from keyturn.base.encoding import sha256
from keyturn.rim.cbor import Tag, read_cbor, write_cbor

COSE_SIGN1 = 18  # RFC 9052 §4.2
UNSIGNED_CORIM = 501
CONCISE_EVIDENCE = 571
COMID, COSWID = 506, 505
_RIM_TYPE = "application/rim+cbor"
_ALG, _CONTENT_TYPE, _KID, _META = 1, 3, 4, 8
_ALGORITHMS = {
    JwsAlgorithm.ES256: (-7, hashes.SHA256()),
    JwsAlgorithm.ES384: (-35, hashes.SHA384()),
}
_DIGESTS = {1: "sha-256", 7: "sha-384", 8: "sha-512"}  # IANA, named information hash algorithms
_MAX_VALUES = 4096
_VALIDITY = 4
_READ_FIELDS = frozenset({0, 1, 3, _VALIDITY, 5})  # id, tags, profile, validity, entities


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a signer stands by it; None: without a beginning."""

    not_before: datetime | None
    not_after: datetime


@dataclass(frozen=True, slots=True)
class SignedCorim:
    """A CoRIM under its signature. `meta` names the signer as it calls itself."""

    protected: Mapping[int | str, Any] = field(hash=False)
    payload: bytes = field(repr=False)
    signer: str
    validity: Validity | None
    """Of the signer's word, and of the manifest itself where it names one: both must hold."""


@dataclass(frozen=True, slots=True)
class ReferenceDigest:
    """One known-good digest: of what (class and key in one line each), which hash, which value.

    `group`: SHA-256 of the environment as a whole, since two may read alike in one line.
    """

    environment: str
    key: str
    algorithm: str
    value: bytes
    group: bytes = field(default=b"", repr=False)


def verify_corim(raw: bytes, key: bytes, now: datetime | None = None) -> SignedCorim:
    """Prove a signed CoRIM by the JWK `key`. `now` None, for looking only, judges no validity.

    Raises MalformedEvidence, UntrustedEvidence (signature-invalid, cert-not-yet-valid,
    cert-expired).
    """
    outer = read_cbor(raw, "signed CoRIM")
    if not isinstance(outer, Tag) or outer.tag != COSE_SIGN1:
        raise MalformedEvidence("not a COSE_Sign1", expected=f"tag {COSE_SIGN1}")
    parts = outer.value
    if not isinstance(parts, list) or len(parts) != 4:
        raise MalformedEvidence("COSE_Sign1 has another number of parts than four")
    head, unprotected, payload, signature = parts
    if not all(isinstance(each, bytes) for each in (head, payload, signature)):
        raise MalformedEvidence("COSE_Sign1: a part is of another kind than bytes")
    if not isinstance(unprotected, dict):
        raise MalformedEvidence("COSE_Sign1: the unprotected header is no map")
    protected = _protected(head)
    _verify(head, payload, signature, protected, key)
    signer, of_signer = _meta(protected.get(_META))
    read_corim(payload)
    validity = _both(of_signer, _own_validity(payload))
    if now is not None and validity is not None:
        _check_validity(validity, now)
    return SignedCorim(protected, payload, signer, validity)


def read_corim(raw: bytes) -> Sequence[ReferenceDigest]:
    """The reference digests of an unsigned CoRIM (tag 501). Raises MalformedEvidence."""
    outer = read_cbor(raw, "CoRIM")
    if (
        not isinstance(outer, Tag)
        or outer.tag != UNSIGNED_CORIM
        or not isinstance(outer.value, dict)
    ):
        raise MalformedEvidence("not a CoRIM", expected=f"tag {UNSIGNED_CORIM} over a map")
    body = outer.value
    tags = body.get(1)
    if 0 not in body or not isinstance(tags, list) or not tags:
        raise MalformedEvidence("CoRIM without an id or without tags")
    found: list[ReferenceDigest] = []
    for each in tags:
        if not isinstance(each, Tag) or not isinstance(each.value, bytes):
            raise MalformedEvidence("CoRIM: a tag is no tagged byte string")
        if each.tag == COMID:
            found.extend(read_comid(each.value))
    return tuple(found)


def unread_parts(raw: bytes) -> tuple[str, ...]:
    """What of a CoRIM `read_corim` reads over although it may bound what its digests mean, each in
    a few words. `raw` is one that `read_corim` has read."""
    body = read_cbor(raw, "CoRIM").value
    found = [f"field {each}" for each in body.keys() - _READ_FIELDS]
    for tag in body[1]:
        if tag.tag != COMID:
            found.append(f"tag {tag.tag}")
            continue
        comid = read_cbor(tag.value, "CoMID")
        triples = (comid.value if isinstance(comid, Tag) else comid)[4]
        found += [f"triples {each}" for each in triples.keys() - {0}]
        for environment, measurements in triples.get(0, []):
            found += [f"environment's field {each}" for each in environment.keys() - {0}]
            for each in measurements:
                found += [f"measurement's field {name}" for name in each.keys() - {0, 1}]
                found += [f"value {name}" for name in each[1].keys() - {2, 14}]
    return tuple(dict.fromkeys(str(each)[:100] for each in found))


def read_comid(raw: bytes) -> Sequence[ReferenceDigest]:
    """The reference digests of one CoMID; other triples are read over. Raises MalformedEvidence."""
    body = read_cbor(raw, "CoMID")
    if isinstance(body, Tag) and body.tag == COMID:
        body = body.value
    if not isinstance(body, dict) or not isinstance(body.get(1), dict) or 0 not in body[1]:
        raise MalformedEvidence("not a CoMID: no tag identity")
    triples = body.get(4)
    if not isinstance(triples, dict) or not triples:
        raise MalformedEvidence("CoMID without triples")
    found: list[ReferenceDigest] = []
    for triple in _list(triples.get(0, []), "reference triples"):
        pair = _list(triple, "reference triple")
        if len(pair) != 2:
            raise MalformedEvidence("CoMID: a reference triple is no pair")
        environment = _environment(pair[0])
        group = sha256(write_cbor(pair[0]))
        for measurement in _list(pair[1], "measurements"):
            found += [replace(each, group=group) for each in _digests(environment, measurement)]
        if len(found) > _MAX_VALUES:
            raise MalformedEvidence("CoMID holds too many values", expected=f"{_MAX_VALUES}")
    return tuple(found)


def check_form(raw: bytes) -> int | None:
    """The outer tag of a CoRIM, CoMID or concise evidence that has its form; None without a tag.

    Raises MalformedEvidence.
    """
    outer = read_cbor(raw, "CBOR file")
    if not isinstance(outer, Tag):
        read_comid(raw)
        return None
    if outer.tag == UNSIGNED_CORIM:
        read_corim(raw)
    elif outer.tag != CONCISE_EVIDENCE or not isinstance(outer.value, dict) or 0 not in outer.value:
        raise MalformedEvidence("neither CoRIM, CoMID nor concise evidence", found=str(outer.tag))
    tag: int = outer.tag
    return tag


def _protected(head: bytes) -> dict[int | str, Any]:
    header = read_cbor(head, "COSE header")
    if not isinstance(header, dict) or not header.keys() <= {_ALG, _CONTENT_TYPE, _KID, _META}:
        raise MalformedEvidence("COSE header is no map of known fields")
    if header.get(_CONTENT_TYPE) != _RIM_TYPE:
        raise MalformedEvidence("COSE_Sign1 is over another type", expected=_RIM_TYPE)
    return header


def _verify(
    head: bytes, payload: bytes, signature: bytes, protected: Mapping[int | str, Any], key: bytes
) -> None:
    public, algorithm = read_jwk(key)
    number, hashing = _ALGORITHMS[algorithm]
    size = (public.key_size + 7) // 8
    signed = write_cbor(["Signature1", head, b"", payload])  # RFC 9052 §4.4
    try:
        if protected.get(_ALG) != number or len(signature) != 2 * size:
            raise InvalidSignature("another algorithm or size than the key's")
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashing))
    except (InvalidSignature, ValueError) as error:
        raise UntrustedEvidence(
            "the CoRIM's signature does not verify",
            reason=Reason.SIGNATURE_INVALID,
            expected=f"{algorithm.value} by the given key",
        ) from error


def _meta(raw: Any) -> tuple[str, Validity | None]:
    """The signer's name and validity, inside the protected header. Fail closed on another form."""
    if raw is None:
        return "", None
    if not isinstance(raw, bytes):
        raise MalformedEvidence("CoRIM's signer is no byte string")
    meta = read_cbor(raw, "CoRIM's signer")
    signer = meta.get(0) if isinstance(meta, dict) else None
    name = signer.get(0) if isinstance(signer, dict) else None
    if not isinstance(meta, dict) or not meta.keys() <= {0, 1} or not isinstance(name, str):
        raise MalformedEvidence("CoRIM's signer has no name")
    return name, _validity(meta[1]) if 1 in meta else None


def _validity(value: Any) -> Validity:
    if not isinstance(value, dict) or not value.keys() <= {0, 1} or 1 not in value:
        raise MalformedEvidence("CoRIM's validity has no end")
    return Validity(_time(value[0]) if 0 in value else None, _time(value[1]))


def _own_validity(payload: bytes) -> Validity | None:
    """`rim-validity` of the manifest itself (draft-ietf-rats-corim-08 §4.1, corim-map)."""
    body = read_cbor(payload, "CoRIM").value
    return _validity(body[_VALIDITY]) if _VALIDITY in body else None


def _both(one: Validity | None, other: Validity | None) -> Validity | None:
    if one is None or other is None:
        return one or other
    starts = [each.not_before for each in (one, other) if each.not_before is not None]
    return Validity(max(starts, default=None), min(one.not_after, other.not_after))


def _time(value: Any) -> datetime:
    if not isinstance(value, Tag) or value.tag != 1 or type(value.value) is not int:
        raise MalformedEvidence("CoRIM's validity is no time in seconds")
    try:
        return datetime.fromtimestamp(value.value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MalformedEvidence("CoRIM's validity is beyond all dates") from error


def _check_validity(validity: Validity, now: datetime) -> None:
    if validity.not_before is not None and now < validity.not_before:
        raise UntrustedEvidence(
            "the CoRIM is not valid yet",
            reason=Reason.CERT_NOT_YET_VALID,
            found=now.isoformat(),
            expected=f"from {validity.not_before.isoformat()}",
        )
    if now > validity.not_after:
        raise UntrustedEvidence(
            "the CoRIM has expired",
            reason=Reason.CERT_EXPIRED,
            found=now.isoformat(),
            expected=f"until {validity.not_after.isoformat()}",
        )


def _environment(value: Any) -> str:
    """A class's vendor, model, layer and id in one line, for people."""
    if not isinstance(value, dict):
        raise MalformedEvidence("CoMID: an environment is no map")
    described = value.get(0, {})
    if not isinstance(described, dict):
        raise MalformedEvidence("CoMID: a class is no map")
    named = [str(described[each]) for each in (1, 2) if isinstance(described.get(each), str)]
    if type(described.get(3)) is int:
        named.append(f"layer {described[3]}")
    identity = described.get(0)
    raw = identity.value if isinstance(identity, Tag) else identity
    if isinstance(raw, bytes):
        named.append(raw.hex())
    return " ".join(named)


def _digests(environment: str, measurement: Any) -> list[ReferenceDigest]:
    """Field 2 (digests) and 14 (integrity registers) of a measurement's values."""
    if not isinstance(measurement, dict) or not isinstance(measurement.get(1), dict):
        raise MalformedEvidence("CoMID: a measurement has no values")
    values = measurement[1]
    key = _text(measurement.get(0))
    found = [_digest(environment, key, each) for each in _list(values.get(2, []), "digests")]
    registers = values.get(14, {})
    if not isinstance(registers, dict):
        raise MalformedEvidence("CoMID: integrity registers are no map")
    for name, listed in registers.items():
        found += [_digest(environment, _text(name), each) for each in _list(listed, "register")]
    return found


def _digest(environment: str, key: str, value: Any) -> ReferenceDigest:
    pair = _list(value, "digest")
    if len(pair) != 2 or type(pair[0]) not in (int, str) or not isinstance(pair[1], bytes):
        raise MalformedEvidence("CoMID: a digest is no pair of algorithm and value")
    algorithm, raw = pair
    known = _DIGESTS.get(algorithm) if isinstance(algorithm, int) else None
    return ReferenceDigest(environment, key, known or str(algorithm)[:100], raw)


def _text(value: Any) -> str:
    if isinstance(value, Tag):
        return _text(value.value)
    return value.hex() if isinstance(value, bytes) else "" if value is None else str(value)[:200]


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedEvidence(f"CoMID: {what} are no list")
    return value
