"""Where each vendor's services are, how each document is asked for, and what an answer holds.

Sources: AMD publication 57230 (KDS); Intel PCS API v4, which PCCS speaks too; NVIDIA RIM service
API v1; RFC 6960 for OCSP. Pure: requests out, answers in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, unquote_to_bytes, urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from keyturn.attest.certificates import pem_certificates, pem_crls
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.snp_tcb import parse_tcb
from keyturn.base.collateral import MAX_DATA, CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256, unb64, unhex
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, parse_object
from keyturn.collateral.errors import BadAnswer, WrongScope
from keyturn.collateral.scopes import Wanted, scope_parts, vek_scope
from keyturn.collateral.web import Reply, Request

_CERTIFICATE, _CHAIN, _DOCUMENT, _OCSP = 8 << 10, 32 << 10, 512 << 10, 64 << 10
NONCE_SIZE = 32  # RFC 9654


class Update(Enum):
    """Which of Intel's answers: right after a TCB recovery's publication, or after its grace."""

    STANDARD = "standard"
    EARLY = "early"


@dataclass(frozen=True, slots=True)
class Services:
    """Base addresses without a slash at their end; a mirror's may replace each.

    `intel_root_list` None: the root CA's list is asked of `intel` as PCCS has it (rootcacrl).
    `evaluation_number`: ask for Intel's documents of this number, instead of `update`.
    """

    amd: str = "https://kdsintf.amd.com"
    intel: str = "https://api.trustedservices.intel.com"
    intel_root_list: str | None = "https://certificates.trustedservices.intel.com"
    nvidia_rim: str = "https://rim.attestation.nvidia.com"
    nvidia_ocsp: str = "https://ocsp.ndis.nvidia.com"
    update: Update = Update.STANDARD
    evaluation_number: int | None = None


def request_for(wanted: Wanted, services: Services, nonce: bytes) -> Request:
    """`nonce` goes into OCSP questions alone. Raises WrongScope, MalformedEvidence."""
    parts = scope_parts(wanted.kind, wanted.scope)
    return _REQUESTS[wanted.kind](_Asked(wanted, parts, services, nonce))


def document_of(wanted: Wanted, reply: Reply, issuers: tuple[bytes, ...]) -> CollateralDocument:
    """What an answer holds, unproved. `issuers` come from the document that this one needs.

    Raises BadAnswer.
    """
    try:
        data, chain = _ANSWERS[wanted.kind](_Given(wanted, reply, issuers))
    except MalformedError as error:
        raise BadAnswer(
            f"{wanted.kind.value}: {error.message}", found=error.found, expected=error.expected
        ) from error
    if not 0 < len(data) <= MAX_DATA:
        raise BadAnswer(
            f"{wanted.kind.value} has another size",
            found=f"{len(data)} bytes",
            expected=f"1 to {MAX_DATA} bytes",
        )
    return CollateralDocument(wanted.kind, wanted.scope, data, chain)


def ocsp_question(path: tuple[bytes, ...], nonce: bytes) -> bytes:
    """DER of a question about `path[0]`, which `path[1]` issued; CertID by SHA-384."""
    certificate, issuer = (x509.load_der_x509_certificate(each) for each in path[:2])
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA384())
    built = builder.add_extension(x509.OCSPNonce(nonce), critical=False).build()
    return built.public_bytes(Encoding.DER)


# Requests


@dataclass(frozen=True, slots=True)
class _Asked:
    wanted: Wanted
    parts: tuple[str, ...]
    services: Services
    nonce: bytes


def _amd_chain(asked: _Asked) -> Request:
    return Request(f"{asked.services.amd}/{asked.parts[0]}/v1/{asked.parts[1]}/cert_chain", _CHAIN)


def _amd_crl(asked: _Asked) -> Request:
    return Request(f"{asked.services.amd}/{asked.parts[0]}/v1/{asked.parts[1]}/crl", MAX_DATA)


def _amd_vek(asked: _Asked) -> Request:
    chip = vek_scope(asked.wanted.scope)
    tcb = parse_tcb(chip.product, chip.tcb)
    levels = {} if tcb.fmc is None else {"fmcSPL": tcb.fmc}
    levels |= {
        "blSPL": tcb.bootloader,
        "teeSPL": tcb.tee,
        "snpSPL": tcb.snp,
        "ucodeSPL": tcb.microcode,
    }
    query = "&".join(f"{name}={level:02d}" for name, level in levels.items())
    path = f"/vcek/v1/{chip.product.value}/{chip.chip.hex()}"
    return Request(f"{asked.services.amd}{path}?{query}", _CERTIFICATE)


def _tcb_info(asked: _Asked) -> Request:
    query = urlencode({"fmspc": asked.wanted.scope.upper(), **_edition(asked.services)})
    return Request(f"{asked.services.intel}/tdx/certification/v4/tcb?{query}", _DOCUMENT)


def _qe_identity(asked: _Asked) -> Request:
    query = urlencode(_edition(asked.services))
    return Request(f"{asked.services.intel}/tdx/certification/v4/qe/identity?{query}", _DOCUMENT)


def _edition(services: Services) -> dict[str, str]:
    """`update` and a number exclude each other (PCS API v4)."""
    if services.evaluation_number is not None:
        return {"tcbEvaluationDataNumber": str(services.evaluation_number)}
    return {"update": services.update.value}


def _pck_crl(asked: _Asked) -> Request:
    query = urlencode({"ca": asked.wanted.scope, "encoding": "der"})
    return Request(f"{asked.services.intel}/sgx/certification/v4/pckcrl?{query}", MAX_DATA)


def _root_crl(asked: _Asked) -> Request:
    if asked.services.intel_root_list is None:
        return Request(f"{asked.services.intel}/sgx/certification/v4/rootcacrl", MAX_DATA)
    return Request(f"{asked.services.intel_root_list}/IntelSGXRootCA.der", MAX_DATA)


def _rim(asked: _Asked) -> Request:
    url = f"{asked.services.nvidia_rim}/v1/rim/{quote(asked.wanted.scope, safe='')}"
    return Request(url, 2 * MAX_DATA, accept="application/json")


def _ocsp(asked: _Asked) -> Request:
    if len(asked.wanted.path) < 2 or sha256(asked.wanted.path[0]).hex() != asked.wanted.scope:
        raise WrongScope(
            "OCSP is asked about a certificate and its issuer",
            found=f"{len(asked.wanted.path)} certificates",
            expected="the certificate that the scope names, its issuer, and so on to the root",
        )
    try:
        body = ocsp_question(asked.wanted.path, asked.nonce)
    except ValueError as error:
        raise MalformedEvidence(f"OCSP: a certificate cannot be read: {error}") from error
    return Request(
        asked.services.nvidia_ocsp + "/",
        _OCSP,
        body,
        "application/ocsp-request",
        "application/ocsp-response",
    )


# Answers


Parts = tuple[bytes, tuple[bytes, ...]]
"""A document's data and chain."""


@dataclass(frozen=True, slots=True)
class _Given:
    wanted: Wanted
    reply: Reply
    issuers: tuple[bytes, ...]


def _as_is(given: _Given) -> Parts:
    return given.reply.body, given.issuers


def _amd_vek_answer(given: _Given) -> Parts:
    return _der(given.reply.body, pem_certificates), given.issuers


def _tcb_answer(given: _Given) -> Parts:
    # The second name is what API v3 had; PCCS versions of its time still send it.
    return given.reply.body, _chain(
        given.reply, "tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"
    )


def _qe_answer(given: _Given) -> Parts:
    return given.reply.body, _chain(given.reply, "sgx-enclave-identity-issuer-chain")


def _pck_crl_answer(given: _Given) -> Parts:
    return _der(given.reply.body, pem_crls), _chain(given.reply, "sgx-pck-crl-issuer-chain")


def _root_crl_answer(given: _Given) -> Parts:
    root = given.issuers[-1:]  # of the QE identity's chain
    return _der(given.reply.body, pem_crls), root


def _amd_crl_answer(given: _Given) -> Parts:
    return _der(given.reply.body, pem_crls), given.issuers


def _rim_answer(given: _Given) -> Parts:
    """`{id, rim (base64), sha256 (of the manifest, hex), last_updated, …}`; more may follow."""
    fields = parse_object(given.reply.body, limit=2 * MAX_DATA, what="answer of the RIM service")
    raw = _base64(fields, "rim")
    if fields.text("id", limit=200) != given.wanted.scope:
        raise MalformedError("the manifest is another than asked for")
    if unhex(fields.text("sha256", limit=64).lower(), what="sha256") != sha256(raw):
        raise MalformedError("the manifest is damaged", expected="the digest beside it")
    if not raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise MalformedError("the manifest is not XML", expected="a SWID tag")
    return raw, ()


def _base64(fields: Fields, name: str) -> bytes:
    return unb64(fields.text(name, limit=2 * MAX_DATA), what=name)


def _ocsp_answer(given: _Given) -> Parts:
    return given.reply.body, given.wanted.path


def _chain(reply: Reply, *names: str) -> tuple[bytes, ...]:
    """A URL-encoded PEM chain in a header (PCS API v4)."""
    for name in names:
        if name in reply.headers:
            return pem_certificates(unquote_to_bytes(reply.headers[name][: 64 << 10]))
    raise MalformedError("an issuer chain is missing", expected=f"header {names[0]}")


def _der(body: bytes, of_pem: Callable[[bytes], tuple[bytes, ...]]) -> bytes:
    """DER as it is, else hex (PCCS) or one PEM block (KDS mirrors, PCS without `encoding`)."""
    if body[:1] == b"\x30":
        return body
    text = body.strip()
    if text.startswith(b"-----BEGIN"):
        found = of_pem(text)
        if len(found) != 1:
            raise MalformedError("not one PEM block", found=str(len(found)))
        return found[0]
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError as error:
        raise MalformedError("neither DER nor hex nor PEM") from error


_REQUESTS: Mapping[CollateralKind, Callable[[_Asked], Request]] = {
    CollateralKind.AMD_CHAIN: _amd_chain,
    CollateralKind.AMD_VEK: _amd_vek,
    CollateralKind.AMD_CRL: _amd_crl,
    CollateralKind.INTEL_TCB_INFO: _tcb_info,
    CollateralKind.INTEL_QE_IDENTITY: _qe_identity,
    CollateralKind.INTEL_ROOT_CRL: _root_crl,
    CollateralKind.INTEL_PCK_CRL: _pck_crl,
    CollateralKind.NVIDIA_RIM: _rim,
    CollateralKind.NVIDIA_OCSP: _ocsp,
}
_ANSWERS: Mapping[CollateralKind, Callable[[_Given], Parts]] = {
    CollateralKind.AMD_CHAIN: _as_is,
    CollateralKind.AMD_VEK: _amd_vek_answer,
    CollateralKind.AMD_CRL: _amd_crl_answer,
    CollateralKind.INTEL_TCB_INFO: _tcb_answer,
    CollateralKind.INTEL_QE_IDENTITY: _qe_answer,
    CollateralKind.INTEL_ROOT_CRL: _root_crl_answer,
    CollateralKind.INTEL_PCK_CRL: _pck_crl_answer,
    CollateralKind.NVIDIA_RIM: _rim_answer,
    CollateralKind.NVIDIA_OCSP: _ocsp_answer,
}
