"""The host's key: believed only as signed, where there is a key that signs it."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import load_verify_key
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostdocument import HOST_TYPE, HostDocument, check_host, parse_host
from keyturn.ceremony.shareboxes import make_host_key
from support.authority import sign, spki

DOCUMENT = HostDocument(
    Digest("sha256:" + "ab" * 32),
    "00" * 16,
    make_host_key(secrets.token_bytes(96))[1],
    7,
    "11" * 32,
    datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    False,
)
KEY = ed25519.Ed25519PrivateKey.generate()
OTHER = ed25519.Ed25519PrivateKey.generate()


def test_a_signed_document_is_read_and_believed() -> None:
    said = parse_host(sign(HOST_TYPE, DOCUMENT.to_payload(), KEY))
    assert said.document == DOCUMENT
    check_host(said, load_verify_key(spki(KEY)))


def test_a_bare_document_is_read_and_believed_only_where_nothing_signs_it() -> None:
    said = parse_host(DOCUMENT.to_payload())
    assert (said.document, said.envelope) == (DOCUMENT, None)
    check_host(said, None)
    with pytest.raises(CeremonyRefused) as refused:
        check_host(said, load_verify_key(spki(KEY)))
    assert refused.value.reason is CeremonyReason.BAD_SIGNATURE


def test_a_control_plane_that_swaps_the_key_is_found_out() -> None:
    swapped = replace(DOCUMENT, key=make_host_key(secrets.token_bytes(96))[1])
    said = parse_host(sign(HOST_TYPE, swapped.to_payload(), OTHER))
    with pytest.raises(CeremonyRefused):
        check_host(said, load_verify_key(spki(KEY)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        sign("application/vnd.keyturn.roster.v1+json", DOCUMENT.to_payload(), KEY),
        DOCUMENT.to_payload().replace(b'"size":7', b'"size":7,"more":1'),
        DOCUMENT.to_payload().replace(b'"boot":"00', b'"boot":"'),
    ],
    ids=["empty", "no fields", "another type", "a field too many", "a short boot"],
)
def test_anything_else_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_host(raw)
