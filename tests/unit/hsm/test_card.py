"""A person's key on a card, read in every form that cards give it, on a SoftHSM 2 token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyturn.base.signatures import Algorithm
from keyturn.hsm.card import (
    asks_each_time,
    cards,
    make_pair,
    pairs,
    pairs_named,
    private_half,
    public_key,
    sign,
)
from keyturn.hsm.ckstructs import Mechanism, Template
from keyturn.hsm.cryptoki import Attr, Mech, ObjectClass
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.pkcs11 import Session
from keyturn.hsm.publickeys import spki_of
from keyturn.hsm.shared import shared_library
from support.card import TOKEN, Reader, card_reader
from support.cardkeys import P256, ec_point, pair_of_a_tool

ED25519 = bytes.fromhex("06032b6570")
ED = ed25519.Ed25519PrivateKey.generate().public_key()
EC = ec.generate_private_key(ec.SECP256R1()).public_key()
RAW = ED.public_bytes_raw()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with card_reader(tmp_path / "cards") as found:
        yield found


@pytest.fixture
def session(reader: Reader) -> Iterator[Session]:
    with reader.as_its_tool() as found:
        yield found


@pytest.mark.parametrize(
    "curve", [ED25519, b"\x13\x0cedwards25519", b"\x06\x09+\x06\x01\x04\x01\xdaG\x0f\x01"]
)
@pytest.mark.parametrize("point", [b"\x04\x20" + RAW, b"\x03\x21\x00" + RAW, RAW])
def test_every_form_of_an_ed25519_key(curve: bytes, point: bytes) -> None:
    found = public_key(curve, point)
    assert found is not None
    assert (found.algorithm, found.spki) == (Algorithm.ED25519, spki_of(ED))


@pytest.mark.parametrize("head", [b"\x04\x41", b"\x03\x42\x00", b""])
def test_every_form_of_a_p256_key(head: bytes) -> None:
    found = public_key(P256, head + ec_point(EC)[2:])
    assert found is not None
    assert (found.algorithm, found.spki) == (Algorithm.P256, spki_of(EC))


@pytest.mark.parametrize(
    ("curve", "point"),
    [
        (b"", b"\x04\x20" + RAW),
        (P256, b"\x04\x20" + RAW),
        (ED25519, ec_point(EC)),
        (ED25519, b"\x04\x20" + RAW + b"\0"),
        (ED25519, b"\x03\x21\x01" + RAW),
        (ED25519, b"\x05\x20" + RAW),
        (ED25519, b"\x04\x20" + bytes(32)),  # a point of small order
        (P256, b"\x04\x41\x04" + bytes(64)),  # not on the curve
        (P256, b"\x04\x21\x02" + ec_point(EC)[3:35]),  # compressed
        (bytes.fromhex("06052b81040022"), b"\x04\x61\x04" + bytes(96)),  # P-384
    ],
)
def test_other_keys_are_none_of_ours(curve: bytes, point: bytes) -> None:
    assert public_key(curve, point) is None


def test_tokens_without_a_name_yet_are_no_cards(reader: Reader) -> None:
    with shared_library(reader.module) as library:
        assert len(library.slots()) == 2, "SoftHSM always shows an empty one"
        assert [each.label for each in cards(library)] == [TOKEN]


def test_keys_are_found_by_label_and_by_id_and_once(session: Session) -> None:
    made = {make_pair(session, name, Algorithm.ED25519).id: name for name in ("a", "b")}
    assert {pair.id: pair.label for pair in pairs(session)} == made
    for identity, label in made.items():
        for name in (label, identity.hex(), identity.hex().upper()):
            assert [each.id for each in pairs_named(session, name)] == [identity]
    assert pairs_named(session, "c") == ()
    assert pairs_named(session, "zz") == ()


def test_a_label_that_is_anothers_id_names_both(session: Session) -> None:
    first = make_pair(session, "a", Algorithm.P256)
    make_pair(session, first.id.hex(), Algorithm.P256)
    assert len(pairs_named(session, first.id.hex())) == 2


def test_other_kinds_of_keys_are_passed_over(session: Session) -> None:
    name = (Attr.LABEL, b"rsa"), (Attr.ID, b"\x05")
    session.generate_pair(
        Mechanism(Mech.RSA_PKCS_KEY_PAIR_GEN),
        Template((*name, (Attr.TOKEN, True), (Attr.MODULUS_BITS, 2048))),
        Template((*name, (Attr.TOKEN, True))),
    )
    kept = make_pair(session, "ours", Algorithm.P256)
    assert pairs(session) == (kept,)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_made_pair_signs(session: Session, algorithm: Algorithm) -> None:
    pair = make_pair(session, "new", algorithm)
    private = private_half(session, pair)
    assert not asks_each_time(session, private)
    pair.key.verify(sign(session, private, pair.key, b"text"), b"text")


def test_a_signature_of_another_key_is_a_fault(session: Session) -> None:
    one, two = (make_pair(session, name, Algorithm.P256) for name in "ab")
    with pytest.raises(TokenError, match="not a signature by its key"):
        sign(session, private_half(session, one), two.key, b"text")


def test_what_may_leave_and_what_is_there_twice_is_refused(session: Session) -> None:
    pair_of_a_tool(session, "loose", (Attr.SENSITIVE, False))
    (loose,) = pairs_named(session, "loose")
    with pytest.raises(TokenError, match="may leave"):
        private_half(session, loose)
    pair_of_a_tool(session, "same id")
    (twin,) = pairs_named(session, "same id")
    with pytest.raises(TokenError, match="exactly one") as refused:
        private_half(session, twin)
    assert refused.value.found == "2"


def test_a_key_without_an_id_is_paired_by_its_label(session: Session) -> None:
    pair_of_a_tool(session, "plain", (Attr.ID, b""))
    public = session.find(Template(((Attr.CLASS, ObjectClass.PUBLIC_KEY),)))[0]
    session.set(public, Template(((Attr.ID, b""),)))
    (pair,) = pairs_named(session, "plain")
    assert pair.id == b""
    sign(session, private_half(session, pair), pair.key, b"text")


def test_after_what_was_begun_fails_another_can_begin(session: Session) -> None:
    pair = make_pair(session, "new", Algorithm.P256)
    private = private_half(session, pair)

    def begun() -> None:
        raise HsmError("C_Login", 0xA0)

    with pytest.raises(HsmError):
        sign(session, private, pair.key, b"text", begun)
    sign(session, private, pair.key, b"text")
