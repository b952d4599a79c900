"""Hashes by their registered numbers; SHA-1 measures old banks and signs nothing."""

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm, hash_of


def test_sizes_and_names_are_the_registrys() -> None:
    assert {each.bank: (each.value, each.size) for each in HashAlgorithm} == {
        "sha1": (4, 20),
        "sha256": (11, 32),
        "sha384": (12, 48),
        "sha512": (13, 64),
    }


def test_an_empty_input_has_the_published_digest() -> None:
    assert HashAlgorithm.SHA256.digest(b"").hex().startswith("e3b0c44298fc1c14")
    assert HashAlgorithm.SHA1.digest(b"").hex().startswith("da39a3ee5e6b4b0d")


def test_sha1_signs_nothing() -> None:
    assert HashAlgorithm.SHA384.of_signatures.name == "sha384"
    with pytest.raises(MalformedEvidence, match="SHA-1"):
        _ = HashAlgorithm.SHA1.of_signatures


def test_an_unknown_hash_is_refused() -> None:
    with pytest.raises(MalformedEvidence, match="not known"):
        hash_of(0x0012, "test")
