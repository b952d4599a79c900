"""Whether a token can carry Keyturn, proved by use before the ceremony that relies on it.

Every mechanism is tried on throw-away session keys made with the very profiles of the real
ones, and every restriction by trying to break it; nothing is left on the token. Green: as
wanted. Amber: works, with a named weakness. Red: Keyturn must not run on it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from keyturn.base.errors import KeyturnError
from keyturn.hsm.ckstructs import Mechanism, Template
from keyturn.hsm.cryptoki import Attr, KeyType, Mech, ObjectClass, Rv
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.hardening import Hardened
from keyturn.hsm.pkcs11 import Handle, Library, Session
from keyturn.hsm.profiles import (
    DEK_FORM,
    INGEST,
    KEK,
    KEK_GENERATOR,
    KEY_WRAP,
    LOG,
    RESULT,
    TAG_MAC,
    Label,
    PairProfile,
    data_object,
    expected,
    for_a_session,
    key_query,
    named,
)
from keyturn.hsm.protocol import Assurance, OaepHash, Purpose
from keyturn.hsm.selftest import (
    CANARY_MESSAGE,
    Canary,
    check_canary,
    make_canary,
    prove_ingest_hash,
    prove_release_hash,
    prove_signing,
)
from keyturn.hsm.token import (
    assurance_of,
    check_attributes,
    check_keys,
    find_token,
    log_in,
    read_public,
)
from keyturn.hsm.tokeninfo import TokenInfo


class Level(StrEnum):
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing tried, and how it went."""

    name: str
    level: Level
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    module: str
    token: TokenInfo
    assurance: Assurance
    checks: tuple[Check, ...]

    @property
    def level(self) -> Level:
        """The worst of all checks."""
        order = tuple(Level)
        return max((check.level for check in self.checks), key=order.index)


def run_preflight(library: Library, label: str, pin: bytearray, hardened: Hardened) -> Report:
    """Try everything. The caller wipes the PIN.

    Raises HsmUnreachable without such a token, PinRefused; any other failure is a red check.
    """
    token = find_token(library, label)
    with library.session(token.slot) as session:
        log_in(session, pin)
        trials = Trials(session, token, hardened)
        checks = tuple(_tried(name, trial) for name, trial in trials.table())
    return Report(library.describe(), token, assurance_of(token), checks)


Outcome = tuple[Level, str]


class Trials:
    """The trials, over one session. Each returns an outcome or raises KeyturnError (red)."""

    def __init__(self, session: Session, token: TokenInfo, hardened: Hardened) -> None:
        self._session = session
        self._token = token
        self._hardened = hardened

    def table(self) -> tuple[tuple[str, Callable[[], Outcome]], ...]:
        return (
            ("assurance", self.assurance),
            ("memory locked", self.memory),
            ("KEK attributes", self.kek_attributes),
            ("KEK restrictions enforced", self.kek_restrictions),
            ("unwrap template enforced", self.unwrap_template),
            ("AES key wrap is RFC 3394", self.key_wrap),
            ("tag verified in the token", self.tag),
            ("RSA-OAEP to a node", self.release),
            ("RSA-OAEP from a sealer", self.ingest),
            ("Ed25519 log key", self.log_key),
            ("P-256 result key", self.result_key),
            ("mark on the token", self.mark),
            ("keys of the ceremony", self.keys),
        )

    def assurance(self) -> Outcome:
        if assurance_of(self._token) is Assurance.HARDWARE:
            return Level.GREEN, "hardware, as the token reports"
        return Level.AMBER, "software assurance: attributes are reported by a software token"

    def memory(self) -> Outcome:
        if self._hardened.memory_locked:
            return Level.GREEN, "locked, no core dumps"
        return Level.AMBER, "not locked (limit on locked memory), no core dumps"

    def kek_attributes(self) -> Outcome:
        kek = self._kek()
        try:
            wanted = for_a_session(expected(KEK))
            check_attributes(self._session, kek, Label.KEK, wanted)
        finally:
            self._session.destroy(kek)
        return Level.GREEN, "never extractable, wrap and unwrap only, as made"

    def kek_restrictions(self) -> Outcome:
        session, kek = self._session, self._kek()
        try:
            self._refused("reads its value", lambda: session.read(kek, Attr.VALUE))
            looser = Template(((Attr.DECRYPT, True),))
            self._refused("is given DECRYPT", lambda: session.set(kek, looser))
            loose = Template(((Attr.EXTRACTABLE, True),))
            self._refused("is made EXTRACTABLE", lambda: session.set(kek, loose))
            self._refused("is copied with DECRYPT", lambda: session.copy(kek, looser))
            self._refused("wraps itself", lambda: session.wrap(KEY_WRAP, kek, kek))
            decrypting = Mechanism(Mech.AES_ECB)
            self._refused("decrypts", lambda: session.decrypt_init(decrypting, kek))
        finally:
            session.destroy(kek)
        return Level.GREEN, "no reading, changing, copying, decrypting, wrapping out"

    def unwrap_template(self) -> Outcome:
        session, kek = self._session, self._kek()
        try:
            wrapped = make_canary(session, kek, secrets.token_bytes(32)).kek_wrapped
            for name, form in _LOOSER_FORMS:
                self._refused(name, lambda f=form: session.unwrap(KEY_WRAP, kek, wrapped, f))  # type: ignore[misc]
            key = session.unwrap(KEY_WRAP, kek, wrapped, DEK_FORM)
            try:
                self._refused("an opened key is read", lambda: session.read(key, Attr.VALUE))
            finally:
                session.destroy(key)
        finally:
            session.destroy(kek)
        return Level.GREEN, "a key opens in the one form only, and cannot be read"

    def key_wrap(self) -> Outcome:
        outer, inner = secrets.token_bytes(32), secrets.token_bytes(32)
        made: list[Handle] = []
        try:
            made.append(self._session.create(_known_kek(outer)))
            made.append(self._session.create(DEK_FORM.plus((Attr.VALUE, inner))))
            found = self._session.wrap(KEY_WRAP, *made)
        finally:
            for handle in made:
                self._session.destroy(handle)
        if found != aes_key_wrap(outer, inner):
            raise TokenError("the token wraps differently from RFC 3394")
        return Level.GREEN, "equal to another implementation's"

    def tag(self) -> Outcome:
        kek, canary = self._kek_and_canary()
        try:
            check_canary(self._session, kek, canary)
            wrong = Canary(canary.kek_wrapped, bytes(32))
            key = self._session.unwrap(KEY_WRAP, kek, canary.kek_wrapped, DEK_FORM)
            try:
                self._refused(
                    "a wrong tag verifies",
                    lambda: self._session.verify(TAG_MAC, key, CANARY_MESSAGE, wrong.tag),
                )
            finally:
                self._session.destroy(key)
        finally:
            self._session.destroy(kek)
        return Level.GREEN, "HMAC-SHA256 accepts the right tag and refuses a wrong one"

    def release(self) -> Outcome:
        kek, canary = self._kek_and_canary()
        try:
            return _oaep_outcome(prove_release_hash(self._session, kek, canary))
        finally:
            self._session.destroy(kek)

    def ingest(self) -> Outcome:
        public, private = self._pair(INGEST)
        try:
            check_attributes(
                self._session, private, Label.INGEST, for_a_session(expected(INGEST.private))
            )
            key = read_public(self._session, Purpose.INGEST, public)
            return _oaep_outcome(prove_ingest_hash(self._session, private, key))
        finally:
            self._destroy(public, private)

    def log_key(self) -> Outcome:
        try:
            return self._signs(LOG, Purpose.LOG)
        except HsmError as error:
            if error.rv == Rv.MECHANISM_INVALID:
                return Level.AMBER, "no Ed25519: a software log key, wrapped under an HSM key"
            raise

    def result_key(self) -> Outcome:
        return self._signs(RESULT, Purpose.RESULT)

    def mark(self) -> Outcome:
        value = secrets.token_bytes(512)
        handle = self._session.create(data_object(Label.TRIAL, value))
        try:
            if self._session.read(handle, Attr.VALUE) != value:
                raise TokenError("a data object on the token reads back differently")
        finally:
            self._session.destroy(handle)
        return Level.GREEN, "a private data object is kept and given back"

    def keys(self) -> Outcome:
        if not self._session.find(key_query(Label.KEK, ObjectClass.SECRET_KEY)):
            return Level.AMBER, "none yet"
        check_keys(self._session)
        return Level.GREEN, "all there, with their attributes, canary opened, halves match"

    def _kek(self) -> Handle:
        return self._session.generate(KEK_GENERATOR, for_a_session(named(KEK, Label.TRIAL)))

    def _kek_and_canary(self) -> tuple[Handle, Canary]:
        kek = self._kek()
        return kek, make_canary(self._session, kek, secrets.token_bytes(32))

    def _pair(self, profile: PairProfile) -> tuple[Handle, Handle]:
        public = Template(profile.public.items + profile.parameters.items)
        return self._session.generate_pair(
            profile.generator,
            for_a_session(named(public, Label.TRIAL)),
            for_a_session(named(profile.private, Label.TRIAL)),
        )

    def _signs(self, profile: PairProfile, purpose: Purpose) -> Outcome:
        public, private = self._pair(profile)
        try:
            wanted = for_a_session(expected(profile.private))
            check_attributes(self._session, private, profile.label, wanted)
            prove_signing(self._session, private, read_public(self._session, purpose, public))
        finally:
            self._destroy(public, private)
        return Level.GREEN, "signs what another implementation verifies; never extractable"

    def _destroy(self, *handles: Handle) -> None:
        for handle in handles:
            self._session.destroy(handle)

    def _refused(self, what: str, attempt: Callable[[], object]) -> None:
        """Raises TokenError when the token lets it happen."""
        try:
            attempt()
        except HsmError:
            return
        raise TokenError(f"the token allows what it must refuse: {what}")


_LOOSER_FORMS = (
    ("opens as readable", DEK_FORM.plus((Attr.SENSITIVE, False))),
    ("opens for signing", DEK_FORM.plus((Attr.SIGN, True))),
    ("opens for decrypting", DEK_FORM.plus((Attr.DECRYPT, True))),
    ("opens onto the token", DEK_FORM.plus((Attr.TOKEN, True))),
    (
        "opens without a form",
        Template(
            ((Attr.CLASS, ObjectClass.SECRET_KEY), (Attr.KEY_TYPE, KeyType.GENERIC_SECRET)),
        ),
    ),
)


def _tried(name: str, trial: Callable[[], Outcome]) -> Check:
    try:
        level, found = trial()
    except KeyturnError as error:
        return Check(name, Level.RED, str(error))
    return Check(name, level, found)


def _oaep_outcome(proved: OaepHash) -> Outcome:
    if proved is OaepHash.SHA256:
        return Level.GREEN, "SHA-256, proved end to end"
    return Level.AMBER, "SHA-1 only, proved end to end"


def _known_kek(value: bytes) -> Template:
    """An imported AES session key of known value, to compare wraps with."""
    return Template(
        (
            (Attr.CLASS, ObjectClass.SECRET_KEY),
            (Attr.KEY_TYPE, KeyType.AES),
            (Attr.TOKEN, False),
            (Attr.WRAP, True),
            (Attr.VALUE, value),
        )
    )
