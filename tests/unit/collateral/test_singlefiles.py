"""One document from a file: what it is, and whose certificates go with it."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.errors import MalformedError
from keyturn.collateral.errors import IssuerMissing
from keyturn.collateral.singlefiles import read_single
from support.carried import kept
from support.collateral import IntelDesk, amd_crl
from unit.keyrelease.release_desk import vendors

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
INTEL = IntelDesk()
KNOWN = INTEL.everything(NOW)


@pytest.mark.parametrize("place", range(4))
def test_each_of_intels_is_recognised(place: int) -> None:
    assert read_single(KNOWN[place].data, KNOWN) == KNOWN[place]
    assert read_single(kept(KNOWN[place], NOW).to_bytes(), ()) == KNOWN[place]


def test_a_root_list_beside_a_signed_document_and_as_pem() -> None:
    assert read_single(KNOWN[2].data, KNOWN[:1]) == KNOWN[2]
    pem = x509.load_der_x509_crl(KNOWN[3].data).public_bytes(Encoding.PEM)
    assert read_single(pem, KNOWN) == KNOWN[3]


def test_a_list_of_amds_beside_its_chain() -> None:
    found = amd_crl(vendors(), NOW)
    chain = b"".join(
        x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in found.chain
    )
    beside = CollateralDocument(CollateralKind.AMD_CHAIN, found.scope, chain)
    assert read_single(found.data, [beside]) == found


@pytest.mark.parametrize("raw", [KNOWN[0].data, KNOWN[1].data, KNOWN[2].data])
def test_without_issuers_it_says_what_is_missing(raw: bytes) -> None:
    with pytest.raises(IssuerMissing) as caught:
        read_single(raw, ())
    assert "bundle" in caught.value.hint


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x30\x03\x02\x01\x01", b"{}", b'{"tcbInfo":1}', b"-----BEGIN X509 CRL-----", b"PK"],
)
def test_what_is_no_collateral_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read_single(raw, KNOWN)
