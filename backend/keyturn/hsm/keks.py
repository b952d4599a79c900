"""The KEKs of an open token: each found by the record, checked, and proved by use."""

from collections.abc import Iterator
from dataclasses import dataclass

from keyturn.base.signatures import KeyId
from keyturn.hsm.attributes import find_key, find_one, report_attributes
from keyturn.hsm.cryptoki import Attr, ObjectClass
from keyturn.hsm.errors import HsmRequestError, TokenError
from keyturn.hsm.kekid import kek_id
from keyturn.hsm.kekrecord import KekRecord, RecordedKek, parse_record
from keyturn.hsm.kekwork import AttributeReport, KekOrigin, KekProfile, KekReport, KekState
from keyturn.hsm.numbered import read_numbered, store_numbered
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import Label, data_query, kek_expected, kek_query, key_query
from keyturn.hsm.selftest import Canary, check_canary, parse_canary

_MAY_DIFFER = frozenset({Attr.MODIFIABLE.name, Attr.VALUE_LEN.name})
"""Of a KEK that came from elsewhere: SoftHSM leaves every unwrapped key modifiable, and says 0 for
its length (measured); that it is the key of 32 bytes, its id shows."""


@dataclass(frozen=True, slots=True)
class OpenKek:
    """A KEK that is on the token and opened its canary."""

    handle: Handle
    canary: Canary
    report: KekReport

    @property
    def id(self) -> KeyId:
        return self.report.id


@dataclass(frozen=True, slots=True)
class OpenKeks:
    """All KEKs. `live` has the active one first, then the newest first: the order of trying."""

    record: KekRecord
    live: tuple[OpenKek, ...]

    @property
    def active(self) -> OpenKek:
        return self.live[0]

    def by_id(self, kek: KeyId) -> OpenKek:
        """One that is still there. Raises HsmRequestError."""
        for each in self.live:
            if each.id == kek:
                return each
        raise HsmRequestError("there is no such KEK on the token", found=kek)

    def opening(self) -> Iterator[OpenKek]:
        """Those that DEKs may lie under: all but one that nothing was ever wrapped under."""
        return (each for each in self.live if each.report.state is not KekState.PRE_ACTIVATION)

    def reports(self) -> tuple[KekReport, ...]:
        """As recorded, oldest first, destroyed ones too."""
        live = {each.id: each.report for each in self.live}
        return tuple(
            live.get(each.id) or _destroyed(each.id, each)
            for each in self.record
            if each.id is not None
        )


def load_record(session: Session) -> KekRecord:
    """Raises TokenError. A token without a record has one KEK, as those before it had."""
    found = read_numbered(session, Label.KEKS)
    return parse_record(found[0].content) if found else _of_before(session)


def store_record(session: Session, record: KekRecord) -> None:
    store_numbered(session, Label.KEKS, record.to_bytes())


def open_keks(session: Session) -> OpenKeks:
    """Find, check and prove every KEK. A destruction that was cut off is brought to its end.

    Raises TokenError, also when none is active, and HsmError.
    """
    record = load_record(session)
    live = []
    for each in record:
        if each.is_there:
            live.append(_open(session, each))
        elif each.state is KekState.DESTROYED:
            remove_kek(session, each.name)
    live.reverse()
    live.sort(key=lambda kek: kek.report.state is not KekState.ACTIVE)  # stable: newest first
    if not live or live[0].report.state is not KekState.ACTIVE:
        raise TokenError("the token has no active KEK", found=f"{len(live)} KEKs")
    return OpenKeks(record, tuple(live))


def remove_kek(session: Session, name: bytes) -> None:
    """Destroy the key of that name, if it is there, and look again. Raises TokenError."""
    for handle in session.find(kek_query(name)):
        session.destroy(handle)
    if session.find(kek_query(name)):
        raise TokenError("the token still has a KEK that it said it destroyed")


def report_kek(
    session: Session, handle: Handle, profile: KekProfile, origin: KekOrigin
) -> tuple[AttributeReport, ...]:
    """What the token says of a KEK. Raises TokenError when it says what no KEK may be."""
    reports = report_attributes(session, handle, Label.KEK, kek_expected(profile, origin))
    lenient = frozenset() if origin is KekOrigin.MADE else _MAY_DIFFER
    for each in reports:
        if not each.checked and each.name not in lenient:
            wanted = kek_expected(profile, origin)[Attr[each.name]]
            raise TokenError(
                f"{Label.KEK.value}: attribute {each.name} is not as it was made",
                found=each.value,
                expected=str(wanted),
            )
    return reports


def _open(session: Session, recorded: RecordedKek) -> OpenKek:
    handle = find_one(session, Label.KEK, kek_query(recorded.name))
    attributes = report_kek(session, handle, recorded.profile, recorded.origin)
    if recorded.canary is None:
        raise TokenError("the token's record of a KEK has no canary")
    canary = parse_canary(recorded.canary)
    check_canary(session, handle, canary)
    found = kek_id(session, handle)
    if found != recorded.id:
        expected = recorded.id or "none yet"
        raise TokenError("a KEK is another than the record says", found=found, expected=expected)
    report = KekReport(found, recorded.profile, recorded.state, recorded.origin, attributes)
    return OpenKek(handle, canary, report)


def _of_before(session: Session) -> KekRecord:
    """The record that a token from before records would have; an empty one for a new token."""
    if not session.find(key_query(Label.KEK, ObjectClass.SECRET_KEY)) and not session.find(
        data_query(Label.CANARY)
    ):
        return KekRecord(())
    handle = find_key(session, Label.KEK, ObjectClass.SECRET_KEY)
    found = session.find(data_query(Label.CANARY))
    if len(found) != 1:
        raise TokenError(
            f"the token does not have exactly one {Label.CANARY.value}", found=str(len(found))
        )
    name, canary = Label.KEK.value.encode(), session.read(found[0], Attr.VALUE)
    parse_canary(canary)
    kek = RecordedKek(
        name,
        kek_id(session, handle),
        KekProfile.NEVER_EXTRACTABLE,
        KekState.ACTIVE,
        KekOrigin.MADE,
        canary,
    )
    return KekRecord((kek,))


def _destroyed(kek: KeyId, recorded: RecordedKek) -> KekReport:
    return KekReport(kek, recorded.profile, recorded.state, recorded.origin, ())
