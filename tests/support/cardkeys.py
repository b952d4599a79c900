"""Keys as other people's tools put them on a card."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.hsm.ckstructs import AttributeValue, Mechanism, Template
from keyturn.hsm.cryptoki import Attr, KeyType, Mech, ObjectClass
from keyturn.hsm.pkcs11 import Session

P256 = bytes.fromhex("06082a8648ce3d030107")


def pair_of_a_tool(session: Session, label: str, *private: tuple[Attr, AttributeValue]) -> None:
    """A P-256 pair whose private half has these attributes beside the usual ones."""
    name = (Attr.LABEL, label.encode()), (Attr.ID, b"\x01\x02")
    session.generate_pair(
        Mechanism(Mech.EC_KEY_PAIR_GEN),
        Template(
            (
                (Attr.CLASS, ObjectClass.PUBLIC_KEY),
                (Attr.KEY_TYPE, KeyType.EC),
                (Attr.TOKEN, True),
                (Attr.PRIVATE, False),
                (Attr.EC_PARAMS, P256),
                *name,
            )
        ),
        Template(
            (
                (Attr.CLASS, ObjectClass.PRIVATE_KEY),
                (Attr.TOKEN, True),
                (Attr.PRIVATE, True),
                (Attr.SENSITIVE, True),
                (Attr.EXTRACTABLE, False),
                (Attr.SIGN, True),
                *name,
            )
        ).plus(*private),
    )


def put_on_card(session: Session, label: str, key: ec.EllipticCurvePrivateKey) -> None:
    """An officer's P-256 key that was made elsewhere, now on a card that does not give it back."""
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    both: tuple[tuple[Attr, AttributeValue], ...] = (
        (Attr.KEY_TYPE, KeyType.EC),
        (Attr.TOKEN, True),
        (Attr.EC_PARAMS, P256),
        (Attr.LABEL, label.encode()),
        (Attr.ID, b"\x03"),
    )
    public = (Attr.CLASS, ObjectClass.PUBLIC_KEY), (Attr.EC_POINT, ec_point(key.public_key()))
    session.create(Template((*both, *public)))
    private = (
        (Attr.CLASS, ObjectClass.PRIVATE_KEY),
        (Attr.PRIVATE, True),
        (Attr.SENSITIVE, True),
        (Attr.EXTRACTABLE, False),
        (Attr.SIGN, True),
        (Attr.VALUE, scalar),
    )
    session.create(Template((*both, *private)))


def ec_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """CKA_EC_POINT of a P-256 key as PKCS#11 v2.40 wants it: DER OCTET STRING."""
    raw = key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return bytes((0x04, len(raw))) + raw
