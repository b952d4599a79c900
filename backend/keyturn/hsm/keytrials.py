"""Trials of keys and mechanisms: throw-away keys made with the very profiles of the real ones."""

import secrets

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from keyturn.ceremony.tokenreport import Level
from keyturn.hsm.attributes import check_attributes
from keyturn.hsm.ckstructs import Mechanism, Template
from keyturn.hsm.cryptoki import Attr, KeyType, Mech, ObjectClass
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.kekwork import KekProfile
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import (
    DEK_FORM,
    INGEST,
    KEK,
    KEK_GENERATOR,
    KEY_WRAP,
    LOG_WRAP,
    LOG_WRAP_GENERATOR,
    RESULT,
    TAG_MAC,
    Label,
    PairProfile,
    expected,
    for_a_session,
    kek_template,
    key_query,
    named,
)
from keyturn.hsm.protocol import OaepHash, Purpose
from keyturn.hsm.publickeys import NodeKey
from keyturn.hsm.selftest import (
    CANARY_MESSAGE,
    Canary,
    check_canary,
    make_canary,
    node_key_object,
    oaep,
    oaep_padding,
    prove_ingest_hash,
    prove_release_hash,
    prove_signing,
)
from keyturn.hsm.softwarelog import unwrap_log_key, why_no_ed25519, wrap_log_key
from keyturn.hsm.token import check_keys, read_public
from keyturn.hsm.trials import Outcome, Place, destroyed_after, refused, trial_pair

_OTHERS_BITS = 3072  # an RSA key of somebody's own, not the SO's

_SIGNS = "signs what another implementation verifies; never extractable"

RECOVERABLE = kek_template(KekProfile.RECOVERABLE)


def kek_attributes(place: Place) -> Outcome:
    session = place.session
    kek = _kek(session)
    with destroyed_after(session, kek):
        check_attributes(session, kek, Label.KEK, for_a_session(expected(KEK)))
    return Level.GREEN, "never extractable, wrap and unwrap only, as made"


def kept_on_the_token(place: Place) -> Outcome:
    """Some tokens take a template for a session's object and refuse it for one that is kept."""
    session = place.session
    kek = session.generate(KEK_GENERATOR, named(KEK, Label.TRIAL))
    with destroyed_after(session, kek):
        check_attributes(session, kek, Label.KEK, expected(KEK))
    return Level.GREEN, "a KEK of the profile was made on the token, and destroyed"


def kek_restrictions(place: Place) -> Outcome:
    session = place.session
    kek = _kek(session)
    looser = Template(((Attr.DECRYPT, True),))
    loose = Template(((Attr.EXTRACTABLE, True),))
    with destroyed_after(session, kek):
        refused("reads its value", lambda: session.read(kek, Attr.VALUE))
        refused("is given DECRYPT", lambda: session.set(kek, looser))
        refused("is made EXTRACTABLE", lambda: session.set(kek, loose))
        refused("is copied with DECRYPT", lambda: session.copy(kek, looser))
        refused("wraps itself", lambda: session.wrap(KEY_WRAP, kek, kek))
        refused("decrypts", lambda: session.decrypt_init(Mechanism(Mech.AES_ECB), kek))
    return Level.GREEN, "no reading, changing, copying, decrypting, wrapping out"


def recoverable_restrictions(place: Place) -> Outcome:
    """A recoverable KEK leaves only under a trusted key, and only the SO makes a key trusted."""
    session = place.session
    others = _public_object(rsa.generate_private_key(65537, _OTHERS_BITS).public_key())
    try:
        kek = session.generate(KEK_GENERATOR, for_a_session(named(RECOVERABLE, Label.TRIAL)))
    except HsmError as error:
        return Level.AMBER, f"no recoverable KEK can be made here: {error.found}"
    with destroyed_after(session, kek):
        public = session.create(others)
        with destroyed_after(session, public):
            for hash_ in OaepHash:
                refused(
                    "wraps a recoverable KEK to any RSA key",
                    lambda h=hash_: session.wrap(oaep(h), public, kek),  # type: ignore[misc]
                )
        free = Template(((Attr.WRAP_WITH_TRUSTED, False),))
        refused("forgets WRAP_WITH_TRUSTED", lambda: session.set(kek, free))
        refused("wraps itself", lambda: session.wrap(KEY_WRAP, kek, kek))
    trusted = others.plus((Attr.TRUSTED, True))
    refused("the user makes a TRUSTED key", lambda: session.create(trusted))
    return Level.GREEN, "leaves under a trusted key only; the user makes none"


def unwrap_template_kek(place: Place) -> Outcome:
    session = place.session
    kek = _kek(session)
    with destroyed_after(session, kek):
        wrapped = make_canary(session, kek, secrets.token_bytes(32)).kek_wrapped
        _opens_in_one_form(session, KEY_WRAP, kek, wrapped)
    return Level.GREEN, "a key opens in the one form only, and cannot be read"


def unwrap_template_ingest(place: Place) -> Outcome:
    session = place.session
    public, private = trial_pair(session, INGEST)
    with destroyed_after(session, public, private):
        key = read_public(session, Purpose.INGEST, public)
        proved = prove_ingest_hash(session, private, key)
        if not isinstance(key, rsa.RSAPublicKey):  # prove_ingest_hash has refused it
            raise TokenError("the ingest key is not RSA")
        wrapped = key.encrypt(secrets.token_bytes(32), oaep_padding(proved))
        _opens_in_one_form(session, oaep(proved), private, wrapped)
    return Level.GREEN, "a key opens in the one form only, and cannot be read"


def key_wrap(place: Place) -> Outcome:
    """RFC 3394 against another implementation, by the number that the vendor's profile has."""
    outer, inner = secrets.token_bytes(32), secrets.token_bytes(32)
    session = place.session
    kek = session.create(_known_kek(outer))
    with destroyed_after(session, kek):
        key = session.create(DEK_FORM.plus((Attr.VALUE, inner)))
        with destroyed_after(session, key):
            found = session.wrap(KEY_WRAP, kek, key)
    if found != aes_key_wrap(outer, inner):
        raise TokenError(
            "the token wraps differently from RFC 3394",
            found=f"{len(found)} bytes by {place.vendor.key_wrap[0]:#x}",
            expected="40 bytes, equal to another implementation's",
        )
    return Level.GREEN, "equal to another implementation's"


def tag(place: Place) -> Outcome:
    session = place.session
    kek, canary = _kek_and_canary(session)
    with destroyed_after(session, kek):
        check_canary(session, kek, canary)
        key = session.unwrap(KEY_WRAP, kek, canary.kek_wrapped, DEK_FORM)
        with destroyed_after(session, key):
            refused(
                "a wrong tag verifies",
                lambda: session.verify(TAG_MAC, key, CANARY_MESSAGE, bytes(32)),
            )
    return Level.GREEN, "HMAC-SHA256 accepts the right tag and refuses a wrong one"


def release(place: Place) -> Outcome:
    session = place.session
    kek, canary = _kek_and_canary(session)
    with destroyed_after(session, kek):
        proved = prove_release_hash(session, kek, canary)
        note = "" if proved is OaepHash.SHA256 else _what_sha256_was(session)
    return _oaep_outcome(proved, note)


def ingest(place: Place) -> Outcome:
    session = place.session
    public, private = trial_pair(session, INGEST)
    with destroyed_after(session, public, private):
        wanted = for_a_session(expected(INGEST.private))
        check_attributes(session, private, Label.INGEST, wanted)
        key = read_public(session, Purpose.INGEST, public)
        return _oaep_outcome(prove_ingest_hash(session, private, key))


def log_key(place: Place) -> Outcome:
    why = why_no_ed25519(place.session)
    if not why:
        return Level.GREEN, _SIGNS
    _software_log_key(place.session)
    return Level.AMBER, f"a software log key, wrapped under an HSM key: no Ed25519 here ({why})"


def _software_log_key(session: Session) -> None:
    """It is wrapped, opens and signs; what it lies under does nothing else. Raises TokenError."""
    wrap = session.generate(LOG_WRAP_GENERATOR, for_a_session(named(LOG_WRAP, Label.TRIAL)))
    with destroyed_after(session, wrap):
        wanted = for_a_session(expected(LOG_WRAP))
        check_attributes(session, wrap, Label.LOG_WRAP, wanted)
        private = Ed25519PrivateKey.generate()
        opened = unwrap_log_key(session, wrap, wrap_log_key(session, wrap, private))
        private.public_key().verify(opened.sign(CANARY_MESSAGE), CANARY_MESSAGE)
        looser = Template(((Attr.WRAP, True),))
        refused("the log key's wrapping key is read", lambda: session.read(wrap, Attr.VALUE))
        refused("it is given WRAP", lambda: session.set(wrap, looser))
        refused("it is copied with WRAP", lambda: session.copy(wrap, looser))
        key = session.create(DEK_FORM.plus((Attr.VALUE, secrets.token_bytes(32))))
        with destroyed_after(session, key):
            refused("a key is wrapped under it", lambda: session.wrap(KEY_WRAP, wrap, key))


def result_key(place: Place) -> Outcome:
    return _signs(place, RESULT, Purpose.RESULT)


def ceremony_keys(place: Place) -> Outcome:
    if not place.session.find(key_query(Label.KEK, ObjectClass.SECRET_KEY)):
        return Level.AMBER, "none yet"
    keys = check_keys(place.session)
    note = "; software log key" if keys.software_log else ""
    return Level.GREEN, f"all there, with their attributes, canary opened, halves match{note}"


def hash_used(private: rsa.RSAPrivateKey, ciphertext: bytes, value: bytes) -> OaepHash | None:
    """With which hash `ciphertext` really was made; None when it opens with none."""
    for each in OaepHash:
        try:
            if private.decrypt(ciphertext, oaep_padding(each)) == value:
                return each
        except ValueError:
            continue
    return None


def _what_sha256_was(session: Session) -> str:
    """What the token does when it is asked for OAEP with SHA-256 and cannot."""
    private = rsa.generate_private_key(65537, _OTHERS_BITS)
    value = secrets.token_bytes(32)
    made = [session.create(_public_object(private.public_key()))]
    try:
        made.append(session.create(DEK_FORM.plus((Attr.VALUE, value))))
        ciphertext = session.wrap(oaep(OaepHash.SHA256), *made)
    except HsmError as error:
        return f"SHA-256 is refused ({error.found})"
    finally:
        for handle in made:
            session.destroy(handle)
    used = hash_used(private, ciphertext, value)
    return f"asked for SHA-256 it says CKR_OK and uses {used.value if used else 'something else'}"


def _opens_in_one_form(
    session: Session, mechanism: Mechanism, opener: Handle, wrapped: bytes
) -> None:
    """Raises TokenError when a key opens in another form, or can be read."""
    for name, form in _LOOSER_FORMS:
        _not_opened_as(session, (mechanism, opener, wrapped), name, form)
    key = session.unwrap(mechanism, opener, wrapped, DEK_FORM)
    with destroyed_after(session, key):
        refused("an opened key is read", lambda: session.read(key, Attr.VALUE))


def _not_opened_as(
    session: Session, what: tuple[Mechanism, Handle, bytes], name: str, form: Template
) -> None:
    try:
        key = session.unwrap(*what, form)
    except HsmError:
        return
    session.destroy(key)  # or it would stay, where the form says so
    raise TokenError(f"the token allows what it must refuse: {name}")


def _kek(session: Session) -> Handle:
    return session.generate(KEK_GENERATOR, for_a_session(named(KEK, Label.TRIAL)))


def _kek_and_canary(session: Session) -> tuple[Handle, Canary]:
    kek = _kek(session)
    try:
        return kek, make_canary(session, kek, secrets.token_bytes(32))
    except HsmError:
        session.destroy(kek)
        raise


def _signs(place: Place, profile: PairProfile, purpose: Purpose) -> Outcome:
    session = place.session
    public, private = trial_pair(session, profile)
    with destroyed_after(session, public, private):
        wanted = for_a_session(expected(profile.private))
        check_attributes(session, private, profile.label, wanted)
        prove_signing(session, private, read_public(session, purpose, public))
    return Level.GREEN, _SIGNS


def _oaep_outcome(proved: OaepHash, note: str = "") -> Outcome:
    if proved is OaepHash.SHA256:
        return Level.GREEN, "SHA-256, proved end to end"
    return Level.AMBER, "; ".join(each for each in ("SHA-1 only, proved end to end", note) if each)


def _public_object(key: rsa.RSAPublicKey) -> Template:
    numbers = key.public_numbers()
    return node_key_object(NodeKey(numbers.n.to_bytes(_OTHERS_BITS // 8, "big"), b"\x01\x00\x01"))


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
