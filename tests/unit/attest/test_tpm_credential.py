"""Credentials that a real TPM 2.0 (swtpm) opens, for RSA and ECC EKs, and for its own AK alone."""

import hmac
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given
from hypothesis import strategies as st

from keyturn.agent.tpm import EndorsementKey as Kind
from keyturn.agent.tpm import Tpm, TpmRefused
from keyturn.agent.tpmline import tpm_line
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_credential import (
    AesSize,
    Credential,
    EndorsementKey,
    kdf_a,
    kdf_e,
    make_credential_ecc,
    make_credential_rsa,
    parse_endorsement_key,
)
from keyturn_sim.tpm import SimTpm, SimTpmMaker
from support.tpms import new_tpm

SECRET = bytes(range(32))
SEED, PADDING = b"\x01" * 32, b"\x02" * 32


def made(ek: EndorsementKey, ak_name: bytes, secret: bytes = SECRET) -> Credential:
    if ek.key.kind == 1:
        return make_credential_rsa(ek, ak_name, secret, seed=SEED, padding=PADDING)
    return made_ecc(ek, ak_name, secret)


def made_ecc(ek: EndorsementKey, ak_name: bytes, secret: bytes) -> Credential:
    own, public = ec.generate_private_key(ec.SECP256R1()), ek.key.public_key
    assert isinstance(public, ec.EllipticCurvePublicKey)
    shared = own.exchange(ec.ECDH(), public)
    return make_credential_ecc(ek, ak_name, secret, ephemeral=own.public_key(), shared=shared)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_tpm_with_both_keys_gives_the_secret_back(booted: SimTpm, kind: Kind) -> None:
    with tpm_line(booted.socket) as line:
        tpm = Tpm(line)
        ek = parse_endorsement_key(tpm.endorsement_key(kind))
        for secret in (SECRET, b"\x07", b""):
            credential = made(ek, tpm.ak().name, secret)
            assert tpm.activate(kind, credential.blob, credential.secret) == secret


@pytest.mark.parametrize("kind", list(Kind))
def test_made_for_another_ak_or_changed_it_stays_shut(booted: SimTpm, kind: Kind) -> None:
    with tpm_line(booted.socket) as line:
        tpm = Tpm(line)
        ek, name = parse_endorsement_key(tpm.endorsement_key(kind)), tpm.ak().name
        other = made(ek, name[:-1] + bytes([name[-1] ^ 1]))
        good = made(ek, name)
        turned = good.blob[:-1] + bytes([good.blob[-1] ^ 1])
        for blob, secret in (
            (other.blob, other.secret),
            (turned, good.secret),
            (good.blob, other.secret),
        ):
            if secret == other.secret == good.secret:
                continue  # an RSA EK's secret depends on the seed alone
            with pytest.raises(TpmRefused):
                tpm.activate(kind, blob, secret)


def test_another_tpms_ek_does_not_open_it(
    booted: SimTpm, tpm_maker: SimTpmMaker, tmp_path: Path
) -> None:
    with new_tpm(tmp_path, tpm_maker) as other, tpm_line(other.start().socket) as line:
        ek = parse_endorsement_key(Tpm(line).endorsement_key(Kind.ECC))
    with tpm_line(booted.socket) as line:
        tpm = Tpm(line)
        credential = made(ek, tpm.ak().name)
        with pytest.raises(TpmRefused):
            tpm.activate(Kind.ECC, credential.blob, credential.secret)


def test_an_ak_is_no_ek(booted: SimTpm) -> None:
    with tpm_line(booted.socket) as line:
        raw = Tpm(line).ak().raw
    with pytest.raises(UntrustedEvidence) as caught:
        parse_endorsement_key(raw)
    assert caught.value.reason is Reason.EK_ATTRIBUTES


def changed(raw: bytes, at: int, value: bytes) -> bytes:
    return raw[:at] + value + raw[at + len(value) :]


@pytest.mark.parametrize(
    ("at", "value"),
    [(4, b"\0\x03\0\xb0"), (4, b"\0\x07\0\xb2")],  # not fixedTPM; signs as well
)
def test_an_ek_that_its_tpm_does_not_keep(booted: SimTpm, at: int, value: bytes) -> None:
    with tpm_line(booted.socket) as line:
        raw = Tpm(line).endorsement_key(Kind.RSA)
    with pytest.raises(UntrustedEvidence):
        parse_endorsement_key(changed(raw, at, value))


@pytest.mark.parametrize(
    ("at", "value"),
    [(42, b"\0\x25"), (44, b"\0\xc0"), (46, b"\0\x44"), (2, b"\0\x04")],
)
def test_an_ek_of_another_cipher_or_hash(booted: SimTpm, at: int, value: bytes) -> None:
    with tpm_line(booted.socket) as line:
        raw = Tpm(line).endorsement_key(Kind.RSA)
    assert parse_endorsement_key(raw).aes is AesSize.AES_128
    assert parse_endorsement_key(changed(raw, 44, b"\x01\0")).aes is AesSize.AES_256
    with pytest.raises(MalformedEvidence):
        parse_endorsement_key(changed(raw, at, value))


def test_wrong_kinds_and_sizes_are_the_callers_fault(booted: SimTpm) -> None:
    with tpm_line(booted.socket) as line:
        tpm = Tpm(line)
        rsa, ecc = (parse_endorsement_key(tpm.endorsement_key(kind)) for kind in Kind)
    p256 = ec.generate_private_key(ec.SECP256R1()).public_key()
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    for wrong in (
        lambda: make_credential_rsa(ecc, b"", SECRET, seed=SEED, padding=PADDING),
        lambda: make_credential_rsa(rsa, b"", SECRET, seed=SEED[1:], padding=PADDING),
        lambda: make_credential_rsa(rsa, b"", SECRET, seed=SEED, padding=PADDING[1:]),
        lambda: make_credential_rsa(rsa, b"", SECRET + b"\0", seed=SEED, padding=PADDING),
        lambda: make_credential_ecc(rsa, b"", SECRET, ephemeral=p256, shared=bytes(32)),
        lambda: make_credential_ecc(ecc, b"", SECRET, ephemeral=p384, shared=bytes(32)),
        lambda: make_credential_ecc(ecc, b"", SECRET, ephemeral=p256, shared=bytes(48)),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_the_kind_of_an_ek_is_named(booted: SimTpm) -> None:
    with tpm_line(booted.socket) as line:
        tpm = Tpm(line)
        rsa, ecc = (parse_endorsement_key(tpm.endorsement_key(kind)) for kind in Kind)
    p256 = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(ValueError, match="not RSA"):
        make_credential_rsa(ecc, b"", SECRET, seed=SEED, padding=PADDING)
    with pytest.raises(ValueError, match="not ECC"):
        make_credential_ecc(rsa, b"", SECRET, ephemeral=p256, shared=bytes(32))


HASHES = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


@pytest.mark.parametrize("hashing", list(HASHES))
@pytest.mark.parametrize("size", [16, 32, 48, 64, 100])
def test_kdf_a_is_sp_800_108(hashing: HashAlgorithm, size: int) -> None:
    """Against another implementation of the same standard."""
    oracle = KBKDFHMAC(
        algorithm=HASHES[hashing],
        mode=Mode.CounterMode,
        length=size,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=b"STORAGE",
        context=b"party u" + b"party v",
        fixed=None,
    )
    assert kdf_a(hashing, SEED, b"STORAGE", b"party u", b"party v", 8 * size) == oracle.derive(SEED)


@pytest.mark.parametrize("hashing", list(HASHES))
@pytest.mark.parametrize("size", [16, 32, 48, 64, 100])
def test_kdf_e_is_sp_800_56a(hashing: HashAlgorithm, size: int) -> None:
    oracle = ConcatKDFHash(HASHES[hashing], size, b"IDENTITY\0" + b"party u" + b"party v")
    found = kdf_e(hashing, SEED, b"IDENTITY\0", b"party u", b"party v", 8 * size)
    assert hmac.compare_digest(found, oracle.derive(SEED))


@given(st.binary(max_size=400))
def test_any_bytes_are_an_ek_or_a_typed_refusal(raw: bytes) -> None:
    try:
        parse_endorsement_key(raw)
    except (MalformedEvidence, UntrustedEvidence):
        return
