"""Opening a token: find it by its label, log in, find its keys, check what they say and do.

A token that fails any check is not opened; the error names the key and the attribute.
"""

from dataclasses import dataclass

from keyturn.base.signatures import key_id_of
from keyturn.hsm.attributes import check_attributes, find_key, report_attributes
from keyturn.hsm.cryptoki import Attr, ObjectClass, Rv
from keyturn.hsm.dialect import Dialect
from keyturn.hsm.errors import HsmError, HsmUnreachable, PinRefused
from keyturn.hsm.keks import OpenKeks, open_keks
from keyturn.hsm.kekwork import KeyReport
from keyturn.hsm.pkcs11 import Handle, Library, Session
from keyturn.hsm.profiles import (
    INGEST,
    LOG,
    RESULT,
    PairProfile,
    expected,
)
from keyturn.hsm.protocol import Assurance, KeyAlgorithm, OaepHash, PublicKey, Purpose
from keyturn.hsm.publickeys import PublicHalf, ed25519_key, p256_key, rsa_key, spki_of
from keyturn.hsm.selftest import prove_ingest_hash, prove_release_hash, prove_signing
from keyturn.hsm.softwarelog import (
    SoftwareLogKey,
    is_in_software,
    open_software_log_key,
    report_software_log_key,
)
from keyturn.hsm.tokeninfo import ModuleInfo, TokenInfo
from keyturn.hsm.vendors import SOFTWARE_PARTS, vendor_of

PIN_ERRORS = (Rv.PIN_INCORRECT, Rv.PIN_INVALID, Rv.PIN_LEN_RANGE, Rv.PIN_EXPIRED, Rv.PIN_LOCKED)
_ALGORITHMS = {
    Purpose.INGEST: KeyAlgorithm.RSA_3072,
    Purpose.LOG: KeyAlgorithm.ED25519,
    Purpose.RESULT: KeyAlgorithm.P256,
}
_PROFILES = {Purpose.INGEST: INGEST, Purpose.LOG: LOG, Purpose.RESULT: RESULT}


@dataclass(frozen=True, slots=True)
class CheckedKeys:
    """The keys of a session, each as it was made and proved by use."""

    keks: OpenKeks
    private: dict[Purpose, Handle]
    public: dict[Purpose, PublicKey]
    release_hash: OaepHash
    software_log: SoftwareLogKey | None = None
    """The log key where the token has none of its own; then `private` has none for it."""


@dataclass(frozen=True, slots=True)
class OpenToken:
    """A token that passed every check. The session must stay open: it holds the login."""

    session: Session
    info: TokenInfo
    keys: CheckedKeys
    module: ModuleInfo

    @property
    def assurance(self) -> Assurance:
        return assurance_of(self.info)


def find_token(library: Library, label: str) -> TokenInfo:
    """The one initialised token of that label; its module is spoken to in its vendor's numbers.

    Raises HsmUnreachable.
    """
    found = [each for each in library.tokens() if each.initialised and each.label == label]
    if len(found) != 1:
        raise HsmUnreachable(
            f"no single token is labelled '{label}'", found=f"{len(found)} tokens", expected="1"
        )
    library.dialect = Dialect(vendor_of(library.about(), found[0]).numbers)
    return found[0]


def log_in(session: Session, pin: bytearray) -> None:
    """Raises PinRefused. Never tried twice with one PIN: a token may lock."""
    try:
        session.login(pin)
    except HsmError as error:
        if error.rv in PIN_ERRORS:
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
    return OpenToken(session, info, keys, library.about())


def check_keys(session: Session) -> CheckedKeys:
    """Find every key, check what it says and prove what it does. Raises TokenError, HsmError."""
    keks = open_keks(session)
    private: dict[Purpose, Handle] = {}
    public: dict[Purpose, PublicKey] = {}
    software_log = open_software_log_key(session) if is_in_software(session) else None
    for purpose, profile in _PROFILES.items():
        if purpose is Purpose.LOG and software_log is not None:
            algorithm = _ALGORITHMS[purpose]
            public[purpose] = PublicKey(purpose, software_log.spki, algorithm, None, software=True)
        else:
            private[purpose], public[purpose] = _open_pair(session, purpose, profile)
    release_hash = prove_release_hash(session, keks.active.handle, keks.active.canary)
    return CheckedKeys(keks, private, public, release_hash, software_log)


def assurance_of(info: TokenInfo) -> Assurance:
    """`hardware` only for a slot that claims it and a maker not known for software. A claim."""
    made_by = f"{info.manufacturer} {info.model}".lower()
    software = not info.hardware_slot or any(part in made_by for part in SOFTWARE_PARTS)
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


def report_pairs(session: Session) -> tuple[KeyReport, ...]:
    """Every key pair's halves as the token says them now. Raises TokenError, HsmError."""
    reports, software_log = [], is_in_software(session)
    for purpose, profile in _PROFILES.items():
        if purpose is Purpose.LOG and software_log:
            reports.append(report_software_log_key(session))
            continue
        label = profile.label
        public = find_key(session, label, ObjectClass.PUBLIC_KEY)
        key_id = key_id_of(spki_of(read_public(session, purpose, public)))
        private = find_key(session, label, ObjectClass.PRIVATE_KEY)
        for part, handle, wanted in (
            ("private", private, expected(profile.private)),
            ("public", public, profile.public),
        ):
            attributes = report_attributes(session, handle, label, wanted)
            reports.append(KeyReport(label.value, part, key_id, attributes))
    return tuple(reports)
