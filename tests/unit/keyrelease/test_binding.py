"""Core, nonces and report data, computed again from the protocol's words (§4.2, §4.3; I2)."""

import hashlib
import struct
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.keyrelease.binding import (
    HPKE_PUBLIC_SIZE,
    SUITE,
    NodeKeys,
    Purpose,
    compute_binding,
    compute_core,
    device_evidence,
    device_nonce,
    tpm_nonce,
)

CHALLENGE, MODEL = bytes(range(56)), bytes(range(32))
KEYS = NodeKeys(b"h" * HPKE_PUBLIC_SIZE, b"rsa", b"tls", b"prompt", b"ak")
CLAIMS = b'{"claims":1}'
CORE = compute_core(Purpose.RELEASE, CHALLENGE, MODEL, KEYS, CLAIMS)
TEXTS = st.binary(max_size=40)


def lp(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_the_core_is_of_every_part_in_its_order() -> None:
    text = b"MLKEM768_X25519/HKDF-SHA256/AES-256-GCM+RSA-OAEP"
    parts = [b"release", text, CHALLENGE, MODEL, KEYS.hpke, b"rsa", b"tls", b"prompt", b"ak"]
    whole = b"keyturn-core-v1" + b"".join(map(lp, [*parts, CLAIMS]))

    assert hashlib.sha256(whole).digest() == CORE
    assert text.decode() == SUITE
    assert HPKE_PUBLIC_SIZE == 1216


def test_absent_keys_are_empty() -> None:
    keys = NodeKeys(b"", b"", b"tls")
    parts = [b"renewal", SUITE.encode(), CHALLENGE, MODEL, b"", b"", b"tls", b"", b"", b"{}"]
    whole = b"keyturn-core-v1" + b"".join(map(lp, parts))

    found = compute_core(Purpose.RENEWAL, CHALLENGE, MODEL, keys, b"{}")
    assert found == hashlib.sha256(whole).digest()


@pytest.mark.parametrize("name", [field.name for field in fields(NodeKeys)])
def test_every_key_changes_the_core(name: str) -> None:
    for value in (b"", b"other"):
        changed = replace(KEYS, **{name: value})
        assert compute_core(Purpose.RELEASE, CHALLENGE, MODEL, changed, CLAIMS) != CORE


@given(first=st.tuples(TEXTS, TEXTS, TEXTS), second=st.tuples(TEXTS, TEXTS, TEXTS))
def test_no_two_sets_of_keys_have_one_core(
    first: tuple[bytes, bytes, bytes], second: tuple[bytes, bytes, bytes]
) -> None:
    """Length prefixes: bytes cannot move from one field to the next."""
    cores = [
        compute_core(Purpose.RELEASE, CHALLENGE, MODEL, NodeKeys(*each), b"")
        for each in (first, second)
    ]
    assert (cores[0] == cores[1]) == (first == second)


@pytest.mark.parametrize(
    ("challenge", "model"),
    [(bytes(55), MODEL), (bytes(57), MODEL), (CHALLENGE, bytes(31)), (CHALLENGE, bytes(64))],
)
def test_sizes_are_exact(challenge: bytes, model: bytes) -> None:
    with pytest.raises(ValueError, match="challenge is 56 bytes, model digest 32"):
        compute_core(Purpose.RELEASE, challenge, model, KEYS, CLAIMS)


@pytest.mark.parametrize("index", [0, 1, 255, 256])
def test_each_device_has_a_nonce_of_its_own(index: int) -> None:
    whole = b"keyturn-device-v1" + CORE + struct.pack(">I", index)
    assert device_nonce(CORE, index) == hashlib.sha256(whole).digest()


def test_the_binding_is_of_core_and_devices() -> None:
    devices = [device_evidence(b"report 0", [b"leaf", b"root"]), device_evidence(b"report 1", [])]
    assert devices[0] == lp(b"report 0" + lp(b"leaf") + lp(b"root"))

    digest = hashlib.sha384(b"".join(devices)).digest()
    whole = b"keyturn-binding-v1" + CORE + lp(digest)
    assert compute_binding(CORE, devices) == hashlib.sha512(whole).digest()
    bare = b"keyturn-binding-v1" + CORE + lp(hashlib.sha384(b"").digest())
    assert compute_binding(CORE, []) == hashlib.sha512(bare).digest()


def test_devices_cannot_change_places_or_be_left_out() -> None:
    one, two = device_evidence(b"1", [b"c"]), device_evidence(b"2", [b"c"])
    found = {
        compute_binding(CORE, devices)
        for devices in ([one, two], [two, one], [one], [two], [], [one, one, two])
    }
    assert len(found) == 6


def test_a_tpms_nonce_is_of_the_core_under_its_own_label() -> None:
    core = bytes(range(32))
    assert tpm_nonce(core) == hashlib.sha256(b"keyturn-tpm-v1" + core).digest()
    assert tpm_nonce(core) != device_nonce(core, 0)
