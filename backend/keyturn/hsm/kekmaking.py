"""Making a KEK on the token, bringing one in from elsewhere, and letting one out, wrapped.

Begun and finished are both on the record, so that a kill between them leaves a name under which
the next try finds what is to be thrown away: nothing was ever wrapped under it.
"""

import secrets
from dataclasses import replace

from keyturn.base.signatures import KeyId
from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.errors import HsmError, HsmRequestError, TokenError, UntrustedRecipient
from keyturn.hsm.kekid import kek_id
from keyturn.hsm.kekrecord import NAME_SIZE, KekRecord, RecordedKek
from keyturn.hsm.keks import OpenKek, load_record, remove_kek, report_kek, store_record
from keyturn.hsm.kekwork import MAX_LIVE, KekOrigin, KekProfile, KekState, WrappedKek
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import KEK_GENERATOR, Label, kek_template, named, trusted_query
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.publickeys import rsa_key, spki_of
from keyturn.hsm.selftest import make_canary, oaep


def generate_kek(session: Session, profile: KekProfile) -> RecordedKek:
    """A new KEK on the token, recorded in pre-activation.

    Raises TokenError, HsmError, HsmRequestError.
    """
    record, begun = begin_kek(session, profile, KekOrigin.MADE)
    handle = session.generate(KEK_GENERATOR, named(kek_template(profile), Label.KEK, begun.name))
    return finish_kek(session, record, begun, handle)


def begin_kek(
    session: Session, profile: KekProfile, origin: KekOrigin
) -> tuple[KekRecord, RecordedKek]:
    """Record that a KEK of this name will be there; one that was left half-made goes."""
    record = load_record(session)
    for each in record:
        if each.id is None:
            remove_kek(session, each.name)
    if sum(each.is_there for each in record) >= MAX_LIVE:
        raise HsmRequestError("the token holds too many KEKs", expected="retired ones destroyed")
    name = secrets.token_bytes(NAME_SIZE)
    begun = RecordedKek(name, None, profile, KekState.PRE_ACTIVATION, origin, None)
    record = record.without_unfinished().plus(begun)
    store_record(session, record)
    return record, begun


def finish_kek(
    session: Session,
    record: KekRecord,
    begun: RecordedKek,
    handle: Handle,
    expected: KeyId | None = None,
) -> RecordedKek:
    """Check the key that is there now, give it a canary, and record it.

    Raises TokenError, also when its id is not the expected one, or is one that this token has or
    had: then the key is destroyed.
    """
    try:
        report_kek(session, handle, begun.profile, begun.origin)
        found = kek_id(session, handle)
        if expected is not None and found != expected:
            raise TokenError("it is another KEK", found=found, expected=expected)
        for each in record:
            if each.id == found:
                raise TokenError("the token knows this KEK already", found=each.state.value)
        canary = make_canary(session, handle, secrets.token_bytes(32)).to_bytes()
    except TokenError:
        session.destroy(handle)
        raise
    done = replace(begun, id=found, canary=canary)
    store_record(session, record.changed(begun.name, done))
    return done


def trusted_keys(session: Session) -> dict[bytes, Handle]:
    """SPKI to handle of every RSA public key that the token calls TRUSTED."""
    found = {}
    for handle in session.find(trusted_query()):
        modulus = session.read(handle, Attr.MODULUS)
        key = rsa_key(modulus, session.read(handle, Attr.PUBLIC_EXPONENT))
        found[spki_of(key)] = handle
    return found


def wrap_out(session: Session, kek: OpenKek, spki: bytes, hash_: OaepHash) -> WrappedKek:
    """A recoverable KEK, wrapped to the trusted key that has exactly this SPKI.

    Raises HsmRequestError for another profile, UntrustedRecipient, HsmError.
    """
    if kek.report.profile is not KekProfile.RECOVERABLE:
        raise HsmRequestError(
            "this KEK never leaves its token",
            found=kek.report.profile.value,
            expected=KekProfile.RECOVERABLE.value,
        )
    trusted = trusted_keys(session)
    if spki not in trusted:
        raise UntrustedRecipient(
            "the token has no trusted key like the one of the order",
            found=f"{len(trusted)} trusted keys",
            expected="the key that the ceremony names, created by the security officer",
        )
    try:
        value = session.wrap(oaep(hash_), trusted[spki], kek.handle)
    except HsmError as error:
        raise TokenError("the token does not let the KEK out", found=error.found) from error
    return WrappedKek(kek.id, value, hash_, spki, kek.canary.to_bytes())
