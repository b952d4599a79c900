"""Requests as the vendors document them, and answers of every form and none."""

import json
from base64 import encodebytes
from urllib.parse import quote

import pytest
from cryptography.x509 import ocsp

from keyturn.attest.errors import MalformedEvidence
from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import sha256
from keyturn.collateral.errors import BadAnswer, WrongScope
from keyturn.collateral.scopes import Wanted
from keyturn.collateral.vendors import Services, Update, document_of, request_for
from keyturn.collateral.web import Reply
from support.nvdevices import Vendor
from support.vendoranswers import (
    CHAIN,
    FMSPC,
    PCK_LIST,
    QE,
    RIM,
    ROOT_LIST,
    TCB,
    Recorded,
)

RIM_WANTED = Wanted(CollateralKind.NVIDIA_RIM, RIM)
MILAN = f"Milan/{'ab' * 64}/04000000000017d5"
TURIN = f"Turin/{'ab' * 8}/0102030400000009"
PCS = "https://api.trustedservices.intel.com"


@pytest.mark.parametrize(
    ("wanted", "url"),
    [
        (CHAIN, "https://kdsintf.amd.com/vcek/v1/Milan/cert_chain"),
        (
            Wanted(CollateralKind.AMD_CRL, "vlek/Genoa"),
            "https://kdsintf.amd.com/vlek/v1/Genoa/crl",
        ),
        (
            Wanted(CollateralKind.AMD_VEK, MILAN),
            f"https://kdsintf.amd.com/vcek/v1/Milan/{'ab' * 64}"
            "?blSPL=04&teeSPL=00&snpSPL=23&ucodeSPL=213",
        ),
        (
            Wanted(CollateralKind.AMD_VEK, TURIN),
            f"https://kdsintf.amd.com/vcek/v1/Turin/{'ab' * 8}"
            "?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=09",
        ),
        (TCB, f"{PCS}/tdx/certification/v4/tcb?fmspc={FMSPC.upper()}&update=standard"),
        (QE, f"{PCS}/tdx/certification/v4/qe/identity?update=standard"),
        (PCK_LIST, f"{PCS}/sgx/certification/v4/pckcrl?ca=platform&encoding=der"),
        (ROOT_LIST, "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"),
        (RIM_WANTED, f"https://rim.attestation.nvidia.com/v1/rim/{RIM}"),
    ],
)
def test_where_each_is_asked_for(wanted: Wanted, url: str) -> None:
    found = request_for(wanted, Services(), b"")
    assert (found.url, found.body) == (url, None)


def test_intels_editions() -> None:
    early = Services(update=Update.EARLY)
    assert request_for(QE, early, b"").url.endswith("identity?update=early")
    numbered = Services(update=Update.EARLY, evaluation_number=18)
    assert request_for(QE, numbered, b"").url.endswith("identity?tcbEvaluationDataNumber=18")
    assert "update" not in request_for(TCB, numbered, b"").url


def test_a_pccs_has_the_roots_list_itself() -> None:
    pccs = Services(intel="https://pccs:8081", intel_root_list=None)
    url = request_for(ROOT_LIST, pccs, b"").url
    assert url == "https://pccs:8081/sgx/certification/v4/rootcacrl"


def test_ocsp_is_a_question_with_a_nonce() -> None:
    vendor = Vendor.create()
    path = (vendor.identity.der, vendor.root.der)
    wanted = Wanted(CollateralKind.NVIDIA_OCSP, sha256(path[0]).hex(), path)
    found = request_for(wanted, Services(), b"\x05" * 32)
    assert found.url == "https://ocsp.ndis.nvidia.com/"
    assert found.content_type == "application/ocsp-request"
    assert found.body is not None
    asked = ocsp.load_der_ocsp_request(found.body)
    assert asked.serial_number == vendor.identity.certificate.serial_number
    assert asked.extensions[0].value.nonce == b"\x05" * 32
    assert document_of(wanted, reply(b"answer"), ()).chain == path
    for wrong in (path[:1], path[::-1]):
        with pytest.raises(WrongScope):
            request_for(Wanted(wanted.kind, wanted.scope, wrong), Services(), b"")
    junk = Wanted(wanted.kind, sha256(b"junk").hex(), (b"junk", path[1]))
    with pytest.raises(MalformedEvidence):
        request_for(junk, Services(), b"")


def reply(body: bytes, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body, named, "https://vendor/")


def test_lists_come_as_der_hex_or_pem(recorded: Recorded) -> None:
    der = recorded.list("root_ca_crl")
    root = recorded.certificates("qe_identity")
    pem = b"-----BEGIN X509 CRL-----\n" + encodebytes(der) + b"-----END X509 CRL-----\n"
    for body in (der, der.hex().encode(), der.hex().upper().encode() + b"\n", pem):
        found = document_of(ROOT_LIST, reply(body), root)
        assert (found.data, found.chain) == (der, root[-1:])
    for wrong in (b"", b"zz", pem + pem, b"-----BEGIN X509 CRL-----"):
        with pytest.raises(BadAnswer):
            document_of(ROOT_LIST, reply(wrong), root)


def test_intels_chains_stand_in_headers(recorded: Recorded) -> None:
    chain = recorded.issuers("tcb_info")
    for name in ("tcb_info_issuer_chain", "sgx_tcb_info_issuer_chain"):
        found = document_of(TCB, reply(b"{}", **{name: quote(chain)}), ())
        assert found.chain == recorded.certificates("tcb_info")
    for headers in ({}, {"tcb_info_issuer_chain": "%%%"}, {"tcb_info_issuer_chain": "junk"}):
        with pytest.raises(BadAnswer):
            document_of(TCB, reply(b"{}", **headers), ())


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "NV_GPU_DRIVER_GH100_535.86.09"},
        {"sha256": "00" * 32},
        {"sha256": "zz" * 32},
        {"rim": "!"},
        {"rim": "eA==", "sha256": sha256(b"x").hex()},
        {"rim": None},
        {"sha256": None},
    ],
)
def test_a_rims_wrapping_is_read_strictly(
    recorded: Recorded, changed: dict[str, str | None]
) -> None:
    good = json.loads(recorded.rim_answer())
    assert document_of(RIM_WANTED, reply(json.dumps(good).encode()), ()).data == recorded.rim()
    bad = {name: value for name, value in {**good, **changed}.items() if value is not None}
    with pytest.raises(BadAnswer):
        document_of(RIM_WANTED, reply(json.dumps(bad).encode()), ())


@pytest.mark.parametrize("body", [b"", b"[]", b"<rim/>", b"{", b'{"rim": 1}'])
def test_no_rim_at_all(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        document_of(RIM_WANTED, reply(body), ())


def test_an_empty_answer_is_none() -> None:
    with pytest.raises(BadAnswer, match="another size"):
        document_of(CHAIN, reply(b""), ())
