"""What each key on the token may do: attributes for making it, and for checking it at each open.

Profile *never extractable*: the KEK leaves the token in no form. Profile *recoverable*: it leaves
wrapped to a key that the security officer created as TRUSTED, and to no other. Modifiable or
copyable keys can be given more rights by whoever is logged in (measured), so none is.
The unwrap template makes the token refuse to open a DEK in any form but the one below; SoftHSM
refuses a difference and an omission alike. On a software token all of this is what the token says,
not a proof: whoever can write its files can change it.
"""

from dataclasses import dataclass
from enum import StrEnum

from keyturn.hsm.ckstructs import Mechanism, Template
from keyturn.hsm.cryptoki import Attr, KeyType, Mech, ObjectClass
from keyturn.hsm.kekwork import KekOrigin, KekProfile

KEK_BITS = 256
INGEST_BITS = 3072
BACKUP_BITS = 4096
_ED25519 = bytes.fromhex("06032b6570")  # OID 1.3.101.112 (RFC 8410)
_P256 = bytes.fromhex("06082a8648ce3d030107")  # OID 1.2.840.10045.3.1.7 (RFC 5480)

KEY_WRAP = Mechanism(Mech.AES_KEY_WRAP)
TAG_MAC = Mechanism(Mech.SHA256_HMAC)


class Label(StrEnum):
    """The names of Keyturn's objects on a token."""

    KEK = "keyturn-kek"
    INGEST = "keyturn-ingest"
    LOG = "keyturn-log"
    RESULT = "keyturn-result"
    CANARY = "keyturn-canary"
    KEKS = "keyturn-keks"  # which KEK is what
    BACKUP = "keyturn-backup"  # the public key that a recoverable KEK is wrapped to
    TRANSPORT = "keyturn-transport"  # of an import, gone at its end
    LOG_WRAP = "keyturn-log-wrap"  # what a software log key lies under
    LOG_WRAPPED = "keyturn-log-key"  # a software log key
    MARK = "keyturn-mark"
    TRIAL = "keyturn-trial"  # of pre-flight, gone at its end


def _rights(*granted: Attr) -> tuple[tuple[Attr, bool], ...]:
    every = (Attr.ENCRYPT, Attr.DECRYPT, Attr.WRAP, Attr.UNWRAP, Attr.SIGN, Attr.VERIFY)
    return tuple((each, each in granted) for each in (*every, Attr.DERIVE))


DEK_FORM = Template(
    (
        (Attr.CLASS, ObjectClass.SECRET_KEY),
        (Attr.KEY_TYPE, KeyType.GENERIC_SECRET),
        (Attr.TOKEN, False),
        (Attr.PRIVATE, True),
        (Attr.SENSITIVE, True),
        (Attr.EXTRACTABLE, True),  # it has to be wrapped to the node
        *_rights(Attr.VERIFY),  # its tag is checked under it; nothing else
    )
)
"""The only form in which KEK and ingest key open a DEK."""

_LOCKED = ((Attr.MODIFIABLE, False), (Attr.COPYABLE, False))
_SECRET = ((Attr.PRIVATE, True), (Attr.SENSITIVE, True), (Attr.EXTRACTABLE, False), *_LOCKED)
_BORN_HERE = Template(
    ((Attr.LOCAL, True), (Attr.ALWAYS_SENSITIVE, True), (Attr.NEVER_EXTRACTABLE, True))
)


def _private(kind: KeyType, right: Attr, mechanism: Mech) -> Template:
    given = (Attr.SIGN, Attr.UNWRAP, Attr.DECRYPT, Attr.DERIVE)
    return Template(
        (
            (Attr.CLASS, ObjectClass.PRIVATE_KEY),
            (Attr.KEY_TYPE, kind),
            (Attr.TOKEN, True),
            *_SECRET,
            *((each, each is right) for each in given),
            (Attr.ALLOWED_MECHANISMS, (mechanism,)),
        )
    )


def _public(kind: KeyType, right: Attr) -> Template:
    given = (Attr.VERIFY, Attr.WRAP, Attr.ENCRYPT)
    return Template(
        (
            (Attr.CLASS, ObjectClass.PUBLIC_KEY),
            (Attr.KEY_TYPE, kind),
            (Attr.TOKEN, True),
            (Attr.PRIVATE, False),
            *_LOCKED,
            *((each, each is right) for each in given),
        )
    )


@dataclass(frozen=True, slots=True)
class PairProfile:
    """How a key pair is made, and what its halves must say of themselves afterwards."""

    label: Label
    generator: Mechanism
    public: Template
    private: Template
    parameters: Template
    """What only the generation of the public half is told: size, exponent or curve."""


KEK = Template(
    (
        (Attr.CLASS, ObjectClass.SECRET_KEY),
        (Attr.KEY_TYPE, KeyType.AES),
        (Attr.TOKEN, True),
        *_SECRET,
        *_rights(Attr.WRAP, Attr.UNWRAP),
        (Attr.VALUE_LEN, KEK_BITS // 8),
        (Attr.ALLOWED_MECHANISMS, (Mech.AES_KEY_WRAP,)),
        (Attr.UNWRAP_TEMPLATE, DEK_FORM),
    )
)
KEK_GENERATOR = Mechanism(Mech.AES_KEY_GEN)
_RECOVERABLE = KEK.plus((Attr.EXTRACTABLE, True), (Attr.WRAP_WITH_TRUSTED, True))
_KEK_TEMPLATES = {KekProfile.NEVER_EXTRACTABLE: KEK, KekProfile.RECOVERABLE: _RECOVERABLE}

INGEST = PairProfile(
    Label.INGEST,
    Mechanism(Mech.RSA_PKCS_KEY_PAIR_GEN),
    _public(KeyType.RSA, Attr.WRAP),
    _private(KeyType.RSA, Attr.UNWRAP, Mech.RSA_PKCS_OAEP).plus((Attr.UNWRAP_TEMPLATE, DEK_FORM)),
    Template(((Attr.MODULUS_BITS, INGEST_BITS), (Attr.PUBLIC_EXPONENT, b"\x01\x00\x01"))),
)
LOG = PairProfile(
    Label.LOG,
    Mechanism(Mech.EC_EDWARDS_KEY_PAIR_GEN),
    _public(KeyType.EC_EDWARDS, Attr.VERIFY),
    _private(KeyType.EC_EDWARDS, Attr.SIGN, Mech.EDDSA),
    Template(((Attr.EC_PARAMS, _ED25519),)),
)
RESULT = PairProfile(
    Label.RESULT,
    Mechanism(Mech.EC_KEY_PAIR_GEN),
    _public(KeyType.EC, Attr.VERIFY),
    _private(KeyType.EC, Attr.SIGN, Mech.ECDSA),
    Template(((Attr.EC_PARAMS, _P256),)),
)
PAIRS = (INGEST, LOG, RESULT)

LOG_WRAP = Template(
    (
        (Attr.CLASS, ObjectClass.SECRET_KEY),
        (Attr.KEY_TYPE, KeyType.GENERIC_SECRET),
        (Attr.TOKEN, True),
        *_SECRET,
        *_rights(Attr.SIGN),
        (Attr.VALUE_LEN, 32),
        (Attr.ALLOWED_MECHANISMS, (Mech.SHA256_HMAC,)),
    )
)
"""It neither wraps nor opens anything: whoever is logged in brings no DEK out under it."""
LOG_WRAP_GENERATOR = Mechanism(Mech.GENERIC_SECRET_KEY_GEN)


def kek_template(profile: KekProfile) -> Template:
    """How a KEK of that profile is generated."""
    return _KEK_TEMPLATES[profile]


def kek_value(profile: KekProfile, value: bytes) -> Template:
    """A KEK of known value, for a restore: the value goes in, not its length."""
    return _without(kek_template(profile), Attr.VALUE_LEN).plus((Attr.VALUE, value))


def kek_unwrapped(profile: KekProfile) -> Template:
    """A KEK that comes in wrapped. SoftHSM gives no unwrapped key MODIFIABLE False (measured)."""
    return _without(kek_template(profile), Attr.VALUE_LEN, Attr.MODIFIABLE)


def kek_expected(profile: KekProfile, origin: KekOrigin) -> Template:
    """What a finished KEK must say of itself: what it was asked to be, and where it was born."""
    made = origin is KekOrigin.MADE
    return kek_template(profile).plus(
        (Attr.LOCAL, made),
        (Attr.ALWAYS_SENSITIVE, made),
        (Attr.NEVER_EXTRACTABLE, made and profile is KekProfile.NEVER_EXTRACTABLE),
    )


def transport_pair() -> PairProfile:
    """A key pair to which another token wraps its KEK; it opens in the form of a KEK only."""
    nested = (Attr.UNWRAP_TEMPLATE, Attr.ALLOWED_MECHANISMS)  # lists in a list: few tokens take it
    form = _without(kek_unwrapped(KekProfile.RECOVERABLE), *nested)
    return PairProfile(
        Label.TRANSPORT,
        Mechanism(Mech.RSA_PKCS_KEY_PAIR_GEN),
        _public(KeyType.RSA, Attr.WRAP),
        _private(KeyType.RSA, Attr.UNWRAP, Mech.RSA_PKCS_OAEP).plus((Attr.UNWRAP_TEMPLATE, form)),
        Template(((Attr.MODULUS_BITS, BACKUP_BITS), (Attr.PUBLIC_EXPONENT, b"\x01\x00\x01"))),
    )


def trusted_key(modulus: bytes) -> Template:
    """An RSA public key that recoverable KEKs may be wrapped to. Only the SO may create it."""
    return Template(
        (
            (Attr.CLASS, ObjectClass.PUBLIC_KEY),
            (Attr.KEY_TYPE, KeyType.RSA),
            (Attr.TOKEN, True),
            (Attr.PRIVATE, False),
            *_LOCKED,
            (Attr.TRUSTED, True),
            (Attr.WRAP, True),
            (Attr.ENCRYPT, False),
            (Attr.VERIFY, False),
            (Attr.MODULUS, modulus),
            (Attr.PUBLIC_EXPONENT, b"\x01\x00\x01"),
        )
    )


def trusted_query() -> Template:
    kinds = ((Attr.CLASS, ObjectClass.PUBLIC_KEY), (Attr.KEY_TYPE, KeyType.RSA))
    return Template((*kinds, (Attr.TRUSTED, True)))


def _without(template: Template, *gone: Attr) -> Template:
    return Template(tuple(each for each in template.items if each[0] not in gone))


def named(template: Template, label: Label, name: bytes = b"") -> Template:
    """The template with Keyturn's label on it, and as its CKA_ID `name` (else the label)."""
    text = label.value.encode()
    return template.plus((Attr.LABEL, text), (Attr.ID, name or text))


def expected(template: Template) -> Template:
    """What a finished secret or private key of this template must say: also that it is born here.

    Lists of mechanisms are compared sorted.
    """
    return template.plus(*_BORN_HERE.items)


def for_a_session(template: Template) -> Template:
    """The same key as a session object: pre-flight tries profiles without leaving a trace."""
    return template.plus((Attr.TOKEN, False))


def data_object(label: Label, value: bytes) -> Template:
    """A private data object on the token."""
    return Template(
        (
            (Attr.CLASS, ObjectClass.DATA),
            (Attr.TOKEN, True),
            (Attr.PRIVATE, True),
            (Attr.MODIFIABLE, False),
            (Attr.LABEL, label.value.encode()),
            (Attr.APPLICATION, b"keyturn"),
            (Attr.VALUE, value),
        )
    )


def data_query(label: Label) -> Template:
    return Template(((Attr.CLASS, ObjectClass.DATA), (Attr.LABEL, label.value.encode())))


def label_query(label: Label) -> Template:
    """Whatever has that name."""
    return Template(((Attr.LABEL, label.value.encode()),))


def kek_query(name: bytes) -> Template:
    """The KEK of that CKA_ID."""
    return key_query(Label.KEK, ObjectClass.SECRET_KEY).plus((Attr.ID, name))


def key_query(label: Label, kind: ObjectClass) -> Template:
    return Template(((Attr.CLASS, kind), (Attr.LABEL, label.value.encode())))
