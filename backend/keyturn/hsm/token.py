"""Opening a token: find it by its label, log in, find its keys, check what they say and do.

A token that fails any check is not opened; the error names the key and the attribute.
"""

from dataclasses import dataclass

from keyturn.hsm.ckstructs import Template
from keyturn.hsm.cryptoki import Attr, ObjectClass, Rv
from keyturn.hsm.errors import HsmError, HsmUnreachable, PinRefused, TokenError
from keyturn.hsm.pkcs11 import Handle, Library, Session, raw_template
from keyturn.hsm.profiles import (
    INGEST,
    KEK,
    LOG,
    RESULT,
    Label,
    PairProfile,
    data_query,
    expected,
    key_query,
)
from keyturn.hsm.protocol import Assurance, KeyAlgorithm, OaepHash, PublicKey, Purpose
from keyturn.hsm.publickeys import PublicHalf, ed25519_key, p256_key, rsa_key, spki_of
from keyturn.hsm.selftest import (
    Canary,
    check_canary,
    parse_canary,
    prove_ingest_hash,
    prove_release_hash,
    prove_signing,
)
from keyturn.hsm.tokeninfo import TokenInfo

_PIN_ERRORS = (Rv.PIN_INCORRECT, Rv.PIN_INVALID, Rv.PIN_LEN_RANGE, Rv.PIN_EXPIRED, Rv.PIN_LOCKED)
_SOFTWARE_MAKERS = ("softhsm", "mozilla", "nss", "kryoptic", "opencryptoki")
_ALGORITHMS = {
    Purpose.INGEST: KeyAlgorithm.RSA_3072,
    Purpose.LOG: KeyAlgorithm.ED25519,
    Purpose.RESULT: KeyAlgorithm.P256,
}
_PROFILES = {Purpose.INGEST: INGEST, Purpose.LOG: LOG, Purpose.RESULT: RESULT}


@dataclass(frozen=True, slots=True)
class CheckedKeys:
    """The keys of a session, each as it was made and proved by use."""

    kek: Handle
    private: dict[Purpose, Handle]
    public: dict[Purpose, PublicKey]
    canary: Canary
    release_hash: OaepHash


@dataclass(frozen=True, slots=True)
class OpenToken:
    """A token that passed every check. The session must stay open: it holds the login."""

    session: Session
    info: TokenInfo
    keys: CheckedKeys

    @property
    def assurance(self) -> Assurance:
        return assurance_of(self.info)


def find_token(library: Library, label: str) -> TokenInfo:
    """The one initialised token of that label. Raises HsmUnreachable."""
    found = [each for each in library.tokens() if each.initialised and each.label == label]
    if len(found) != 1:
        raise HsmUnreachable(
            f"no single token is labelled '{label}'", found=f"{len(found)} tokens", expected="1"
        )
    return found[0]


def log_in(session: Session, pin: bytearray) -> None:
    """Raises PinRefused. Never tried twice with one PIN: a token may lock."""
    try:
        session.login(pin)
    except HsmError as error:
        if error.rv in _PIN_ERRORS:
            raise PinRefused("the token refused the PIN", found=error.found) from error
        raise


def open_token(library: Library, label: str, pin: bytearray) -> OpenToken:
    """Log in and check everything. The caller wipes the PIN.

    Raises HsmUnreachable, PinRefused, TokenError, HsmError.
    """
    info = find_token(library, label)
    session = library.open_session(info.slot)
    log_in(session, pin)
    keys = check_keys(session)
    return OpenToken(session, info, keys)


def check_keys(session: Session) -> CheckedKeys:
    """Find every key, check what it says and prove what it does. Raises TokenError, HsmError."""
    kek = find_key(session, Label.KEK, ObjectClass.SECRET_KEY)
    check_attributes(session, kek, Label.KEK, expected(KEK))
    private: dict[Purpose, Handle] = {}
    public: dict[Purpose, PublicKey] = {}
    for purpose, profile in _PROFILES.items():
        private[purpose], public[purpose] = _open_pair(session, purpose, profile)
    canary = parse_canary(_read_data(session, Label.CANARY))
    check_canary(session, kek, canary)
    release_hash = prove_release_hash(session, kek, canary)
    return CheckedKeys(kek, private, public, canary, release_hash)


def find_key(session: Session, label: Label, kind: ObjectClass) -> Handle:
    """The one key of that name. Raises TokenError: an empty find is a fault, never "none yet"."""
    found = session.find(key_query(label, kind))
    if len(found) != 1:
        raise TokenError(
            f"the token does not have exactly one {label.value}",
            found=f"{len(found)} of {kind.name.lower()}",
            expected="1",
        )
    return found[0]


def check_attributes(session: Session, handle: Handle, label: Label, wanted: Template) -> None:
    """Read every attribute back and compare. Raises TokenError that names the first different."""
    for attribute, value in wanted.items:
        try:
            found = session.read_like(handle, attribute, value)
        except HsmError as error:
            raise TokenError(
                f"{label.value}: attribute {attribute.name} cannot be read", found=error.found
            ) from error
        want = raw_template(value) if isinstance(value, Template) else value
        if found != want:
            raise TokenError(
                f"{label.value}: attribute {attribute.name} is not as it was made",
                found=_shown(found),
                expected=_shown(want),
            )


def assurance_of(info: TokenInfo) -> Assurance:
    """`hardware` only for a slot that claims it and a maker not known for software. A claim."""
    made_by = f"{info.manufacturer} {info.model}".lower()
    software = not info.hardware_slot or any(name in made_by for name in _SOFTWARE_MAKERS)
    return Assurance.SOFTWARE if software else Assurance.HARDWARE


def _open_pair(
    session: Session, purpose: Purpose, profile: PairProfile
) -> tuple[Handle, PublicKey]:
    private = find_key(session, profile.label, ObjectClass.PRIVATE_KEY)
    check_attributes(session, private, profile.label, expected(profile.private))
    public = find_key(session, profile.label, ObjectClass.PUBLIC_KEY)
    check_attributes(session, public, profile.label, profile.public)
    key = read_public(session, purpose, public)
    oaep_hash = None
    if purpose is Purpose.INGEST:
        oaep_hash = prove_ingest_hash(session, private, key)
    else:
        prove_signing(session, private, key)
    return private, PublicKey(purpose, spki_of(key), _ALGORITHMS[purpose], oaep_hash)


def read_public(session: Session, purpose: Purpose, handle: Handle) -> PublicHalf:
    """The public half, from its attributes. Raises TokenError, HsmError."""
    if purpose is Purpose.INGEST:
        modulus = session.read(handle, Attr.MODULUS)
        return rsa_key(modulus, session.read(handle, Attr.PUBLIC_EXPONENT))
    point = session.read(handle, Attr.EC_POINT)
    return ed25519_key(point) if purpose is Purpose.LOG else p256_key(point)


def _read_data(session: Session, label: Label) -> bytes:
    found = session.find(data_query(label))
    if len(found) != 1:
        raise TokenError(
            f"the token does not have exactly one {label.value}", found=str(len(found))
        )
    return session.read(found[0], Attr.VALUE)


def _shown(value: object) -> str:
    if isinstance(value, Template):
        return ", ".join(f"{attribute.name}={raw!r}" for attribute, raw in value.items)[:200]
    return "another form" if value is None else str(value)
