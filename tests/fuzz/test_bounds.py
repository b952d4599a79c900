"""No reader of evidence, collateral or reference values takes more than 1 s or 64 MiB for 1 MiB.

What is read here was made to be dear: many tiny elements, deep nesting, lengths that promise much,
texts in which a careless search would begin again and again, numbers of a million digits. XML has
inputs of its own in `test_nvidia_fuzz`.
"""

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.azure import HclTee, check_runtime_data, runtime_key, unwrap_hcl
from keyturn.attest.certificates import parse_certificate, pem_certificates, pem_crls
from keyturn.attest.crl import parse_crl
from keyturn.attest.errors import REFUSALS
from keyturn.attest.eventdata import boot_facts, parse_variable
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.jws import read_jwk, verify_jws
from keyturn.attest.ocsp import parse_ocsp
from keyturn.attest.snp_report import parse_snp_report
from keyturn.attest.spdm import parse_gpu_report
from keyturn.attest.tdx_collateral import parse_qe_identity, parse_tcb_info, read_collateral
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.attest.tpm import TpmEvidence, examine_tpm
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_conformance import read_pcrs
from keyturn.attest.tpm_credential import parse_endorsement_key
from keyturn.attest.tpm_documents import events_document, log_document
from keyturn.attest.tpm_key import parse_pem_key, parse_tpm_public
from keyturn.attest.tpm_quote import parse_quote, parse_signature
from keyturn.base.encoding import b64url
from keyturn.rim.cbor import read_cbor, write_cbor
from keyturn.rim.corim import check_form, read_comid, read_corim, verify_corim
from keyturn.rim.signature import read_signed
from keyturn.rim.swid import read_swid
from keyturn_sim.tdx import SimIntel, SimTd
from support import tpm
from support.fuzzing import MEBIBYTE, cost

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
POINT = KEY.public_key().public_numbers()
JWK = json.dumps(
    {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(POINT.x.to_bytes(32, "big")),
        "y": b64url(POINT.y.to_bytes(32, "big")),
    }
).encode()
QUOTE = tpm.quote({tpm.SHA256: {0: bytes(32)}}, bytes(32))
INTEL = SimIntel.create()
COLLATERAL = INTEL.collateral(NOW)
TDX_QUOTE = INTEL.certify().quote(SimTd(), bytes(64))


def explained(raw: bytes) -> None:
    """A log, and everything that is said about one."""
    log = parse_event_log(raw)
    log_document(log)
    for bank in HashAlgorithm:
        log.replay(bank)
        boot_facts(log, bank)
        events_document(log, bank)


def booted(raw: bytes) -> None:
    """A log beside a quote that is in order."""
    evidence = TpmEvidence(
        quote=QUOTE,
        signature=tpm.sign(KEY, QUOTE),
        ak=tpm.ecc_public(KEY),
        pcrs={HashAlgorithm.SHA256: {0: bytes(32)}},
        log=raw,
    )
    examine_tpm(evidence, anchors=HARDWARE_ANCHORS, now=NOW, expected_nonce=bytes(32))


READERS: dict[str, Callable[[bytes], object]] = {
    "certificate": parse_certificate,
    "PEM certificates": pem_certificates,
    "PEM lists": pem_crls,
    "revocation list": parse_crl,
    "OCSP answer": parse_ocsp,
    "SNP report": parse_snp_report,
    "HCL report of SNP": unwrap_hcl,
    "HCL report of TDX": lambda raw: unwrap_hcl(raw, HclTee.TDX),
    "runtime data": runtime_key,
    "runtime data's digest": lambda raw: check_runtime_data(bytes(64), raw),
    "GPU report": parse_gpu_report,
    "TDX quote": parse_tdx_quote,
    "TCB info": parse_tcb_info,
    "QE identity": parse_qe_identity,
    "TDX collateral": read_collateral,
    "JWK": read_jwk,
    "token": lambda raw: verify_jws(raw, JWK, {"ES256"}),
    "TPM quote": parse_quote,
    "TPM signature": parse_signature,
    "TPM key": parse_tpm_public,
    "PEM key": parse_pem_key,
    "endorsement key": parse_endorsement_key,
    "PCR values": read_pcrs,
    "UEFI variable": parse_variable,
    "event log": explained,
    "CCEL": lambda raw: parse_event_log(raw, registers=5),
    "boot": booted,
    "CBOR": lambda raw: read_cbor(raw, "fuzz"),
    "CoRIM": read_corim,
    "CoMID": read_comid,
    "form of CBOR": check_form,
    "signed CoRIM": lambda raw: verify_corim(raw, JWK, NOW),
    "signed RIM": read_signed,
    "SWID": lambda raw: read_swid(raw, "fuzz"),
}


def der_tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def der_nested(size: int) -> bytes:
    return b"".join(
        b"\x30\x83" + (size - 5 * n - 5).to_bytes(3, "big") for n in range(size // 5 - 1)
    )


def repeated(piece: bytes, size: int = MEBIBYTE) -> bytes:
    return piece * (size // len(piece))


def numbered(piece: bytes, size: int = MEBIBYTE) -> bytes:
    return b",".join(piece % n for n in range(size // (len(piece) + 5)))


BLOCK = b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----\n"
LARGE: dict[str, bytes] = {
    "zeros": bytes(MEBIBYTE),
    "ones": b"\xff" * MEBIBYTE,
    "spaces": b" " * MEBIBYTE,
    # DER
    "indefinite": repeated(b"\x30\x80"),
    "nested": der_nested(MEBIBYTE),
    "empty": der_tlv(0x30, repeated(b"\x30\x00", MEBIBYTE - 8)),
    "integer": der_tlv(0x30, der_tlv(0x02, b"\x7f" * (MEBIBYTE - 16))),
    "identifier": der_tlv(0x30, der_tlv(0x06, b"\x81" * (MEBIBYTE - 17) + b"\x01")),
    # PEM
    "begins": repeated(b"-----BEGIN CERTIFICATE-----\n"),
    "begins and letters": repeated(b"-----BEGIN CERTIFICATE-----AAAA"),
    "no end": b"-----BEGIN CERTIFICATE-----\n" + b"AAAA" * (MEBIBYTE // 4 - 8),
    "blocks": repeated(BLOCK % b"AA=="),
    "lists": repeated((BLOCK % b"AA==").replace(b"CERTIFICATE", b"X509 CRL")),
    "one block": BLOCK % (b"AAAA" * (MEBIBYTE // 4 - 16)),
    "keys": repeated(b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n"),
    # JSON
    "brackets": b"[" * MEBIBYTE,
    "objects": b'{"a":' * (MEBIBYTE // 5),
    "empty lists": b'{"a":[' + b",".join([b"[]"] * (MEBIBYTE // 3 - 4)) + b"]}",
    "empty objects": b'{"a":[' + b",".join([b"{}"] * (MEBIBYTE // 3 - 4)) + b"]}",
    "members": b"{" + numbered(b'"%d":0') + b"}",
    "same members": b"{" + b",".join([b'"a":0'] * (MEBIBYTE // 6 - 1)) + b"}",
    "digits": b'{"a":' + b"1" * (MEBIBYTE - 8) + b"}",
    "exponent": b'{"a":1e' + b"9" * (MEBIBYTE - 8) + b"}",
    "numbers": b'{"a":[' + b",".join([b"7777"] * (MEBIBYTE // 5 - 2)) + b"]}",
    "escapes": b'{"a":"' + repeated(b"\\u0041", MEBIBYTE - 8) + b'"}',
    "surrogates": b'{"a":"' + repeated(b"\\ud800", MEBIBYTE - 8) + b'"}',
    "wide text": b'{"a":"' + repeated("\U0001f511".encode(), MEBIBYTE - 8) + b'"}',
    # tokens
    "dots": b"." * MEBIBYTE,
    "long token": b"e30." + b"A" * (MEBIBYTE - 8) + b".AA",
    # CBOR
    "arrays": b"\x81" * MEBIBYTE,
    "maps": b"\xa1\x00" * (MEBIBYTE // 2),
    "tags": b"\xd8\x64" * (MEBIBYTE // 2),
    "empty arrays": b"\x9a" + (MEBIBYTE - 5).to_bytes(4, "big") + b"\x80" * (MEBIBYTE - 5),
    "break": b"\x9a" + (MEBIBYTE - 5).to_bytes(4, "big") + b"\xff" + b"\x80" * (MEBIBYTE - 6),
    "reserved": b"\x9a" + (MEBIBYTE - 5).to_bytes(4, "big") + b"\x1c" + b"\x80" * (MEBIBYTE - 6),
    "empty maps": b"\x9a" + (MEBIBYTE - 5).to_bytes(4, "big") + b"\xa0" * (MEBIBYTE - 5),
    "empty strings": b"\x9a" + (MEBIBYTE - 5).to_bytes(4, "big") + b"\x40" * (MEBIBYTE - 5),
    "small tags": b"\x9a" + (MEBIBYTE // 3).to_bytes(4, "big") + b"\xd8\x65\x00" * (MEBIBYTE // 3),
    "small numbers": b"\x9a" + (MEBIBYTE - 5).to_bytes(4, "big") + bytes(MEBIBYTE - 5),
    "floats": b"\x9a\x00\x05\x55\x00" + b"\xf9\x3c\x01" * 0x55500,
    "keys of a map": b"\xba" + (MEBIBYTE // 6).to_bytes(4, "big")
    + b"".join(b"\x1a" + n.to_bytes(4, "big") + b"\0" for n in range(MEBIBYTE // 6)),
    "promised bytes": b"\x5b" + (1 << 40).to_bytes(8, "big") + bytes(64),
    "promised items": b"\x9b" + (1 << 40).to_bytes(8, "big") + bytes(64),
    "promised members": b"\xbb" + (1 << 40).to_bytes(8, "big") + bytes(64),
    "bignum": b"\xc2\x5a" + (MEBIBYTE - 8).to_bytes(4, "big") + b"\xff" * (MEBIBYTE - 8),
    # XML
    "elements": b"<a>" * (MEBIBYTE // 3),
    "entities": b"<!DOCTYPE a [" + repeated(b"<!ENTITY x '&x;&x;'>", MEBIBYTE - 64) + b"]><a/>",
}  # fmt: skip


def spread(piece: Callable[[int], bytes], size: int) -> bytes:
    """As many numbered pieces as fit."""
    return b"".join(piece(n) for n in range(size // len(piece(0))))


def revocation_list(entry: Callable[[int], bytes], size: int) -> bytes:
    time = der_tlv(0x17, b"261123080000Z")
    algorithm = der_tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
    body = der_tlv(0x02, b"\x01") + algorithm + der_tlv(0x30, b"") + time + time
    tbs = der_tlv(0x30, body + der_tlv(0x30, spread(entry, size)))
    return der_tlv(0x30, tbs + algorithm + der_tlv(0x03, b"\0" * 9))


def revoked(number: int) -> bytes:
    serial = der_tlv(0x02, b"\x01" + number.to_bytes(3, "big"))
    return der_tlv(0x30, serial + der_tlv(0x17, b"261123080000Z"))


def annotated(number: int) -> bytes:
    reason = der_tlv(0x30, der_tlv(0x06, b"\x55\x1d\x15") + der_tlv(0x04, b"\x0a\x01\x01"))
    return der_tlv(0x30, revoked(number)[2:] + der_tlv(0x30, reason * 5))


def small_record(number: int) -> bytes:
    return tpm.record(number % 24, 1, b"")


def variable(number: int) -> bytes:
    return tpm.record(7, 0x80000001, struct.pack("<16sQQ", bytes(16), 1, 1) + b"\0\0\0")


def levels(name: str, count: int) -> bytes:
    """A document of Intel's with more of everything than it can need, as it is signed."""
    document = json.loads(COLLATERAL[name])
    document["tcbLevels"] *= count
    return json.dumps(document).encode()


def collateral(**changed: str) -> bytes:
    return json.dumps({**COLLATERAL, **changed}).encode()


def quote_with(chain: bytes) -> bytes:
    """A quote whose certification data is another, at the same place."""
    at = TDX_QUOTE.index(b"-----BEGIN")
    return TDX_QUOTE[: at - 4] + struct.pack("<I", len(chain)) + chain


def comid(count: int) -> bytes:
    """A CoMID with this many reference values in one triple."""
    values = [{0: n, 1: {2: [[1, bytes(8)]]}} for n in range(count)]
    return write_cbor({1: {0: "fuzz"}, 4: {0: [[{0: {1: "maker"}}, values]]}})


# Read as far as it goes: every one of these is of its kind, and at the limit of its size.
DEEP: dict[str, tuple[str, Callable[[], bytes]]] = {
    "list of many serials": ("revocation list", lambda: revocation_list(revoked, MEBIBYTE - 128)),
    "list of extensions": ("revocation list", lambda: revocation_list(annotated, MEBIBYTE - 128)),
    "log of small records": (
        "event log",
        lambda: tpm.spec_id() + spread(small_record, MEBIBYTE - 128),
    ),
    "log of old records": ("event log", lambda: repeated(tpm.old_record(0, 1, b""))),
    "log of variables": ("event log", lambda: tpm.spec_id() + spread(variable, MEBIBYTE - 128)),
    "boot of variables": ("boot", lambda: tpm.spec_id() + spread(variable, MEBIBYTE - 128)),
    "one large event": (
        "event log",
        lambda: tpm.spec_id() + tpm.record(7, 1, bytes(MEBIBYTE - 200)),
    ),
    "TCB info of many levels": ("TCB info", lambda: levels("tcb_info", 128)),
    "identity of many levels": ("QE identity", lambda: levels("qe_identity", 128)),
    "collateral of small chains": (
        "TDX collateral",
        lambda: collateral(tcb_info_issuer_chain=(BLOCK % b"AA==").decode() * 1000),
    ),
    "collateral of a large list": (
        "TDX collateral",
        lambda: collateral(pck_crl="00" * (MEBIBYTE // 2 - 20_000)),
    ),
    "quote of small certificates": ("TDX quote", lambda: quote_with((BLOCK % b"AA==") * 900)),
    "CoMID of many values": ("CoMID", lambda: comid(4000)),
    "CBOR at its limit": (
        "CBOR",
        lambda: b"\x9a\x00\x00\xff\xf0" + b"\x43abc" * 0xFFF0,
    ),
}


def costs_little(read: Callable[[bytes], object], raw: bytes, what: str) -> None:
    def work() -> None:
        with suppress(*REFUSALS):
            read(raw)

    found = cost(work)
    assert found.seconds < 1, what
    assert found.allocated < 64 * MEBIBYTE, what
    assert found.resident < 64 * MEBIBYTE, what


@pytest.mark.parametrize("name", READERS)
def test_a_mebibyte_costs_no_reader_more_than_a_second_or_64_mebibytes(name: str) -> None:
    for what, raw in LARGE.items():
        assert len(raw) <= MEBIBYTE + 64
        costs_little(READERS[name], raw, what)


@pytest.mark.parametrize("name", DEEP)
def test_what_is_read_as_far_as_it_goes_costs_no_more(name: str) -> None:
    reader, made = DEEP[name]
    raw = made()
    assert len(raw) <= MEBIBYTE
    costs_little(READERS[reader], raw, name)


@pytest.mark.parametrize(
    "name",
    [
        "list of many serials",
        "TCB info of many levels",
        "identity of many levels",
        "CoMID of many values",
        "CBOR at its limit",
    ],
)
def test_these_are_read(name: str) -> None:
    """The positive control: what was measured above was no early refusal."""
    reader, made = DEEP[name]
    READERS[reader](made())
