"""What the token remembers of its KEKs: a data object beside them (our protocol §10.13).

A KEK that cannot be modified cannot carry its state, and a generated one not even its id, which
only the finished key can tell. So the record says which is what, and the ids in it are
computed again at every opening. A token that was made before there was a record has one KEK.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.hsm.errors import HsmRequestError, TokenError
from keyturn.hsm.kekwork import (
    CANARY_SIZE,
    MAX_KEKS,
    KekOrigin,
    KekProfile,
    KekState,
    check_kek_id,
)

NAME_SIZE = 16  # bytes of a CKA_ID
_MAX_RECORD = 64 << 10
_TYPE = "keyturn-keks"


@dataclass(frozen=True, slots=True)
class RecordedKek:
    """One generation. `id` and `canary` are None until the key was made."""

    name: bytes
    """Its CKA_ID: random, since the id is known only once the key is there."""
    id: KeyId | None
    profile: KekProfile
    state: KekState
    origin: KekOrigin
    canary: bytes | None

    @property
    def is_there(self) -> bool:
        return self.id is not None and self.state is not KekState.DESTROYED


@dataclass(frozen=True, slots=True)
class KekRecord:
    """All generations, oldest first."""

    keks: tuple[RecordedKek, ...]

    def __iter__(self) -> Iterator[RecordedKek]:
        return iter(self.keks)

    def by_id(self, kek: KeyId) -> RecordedKek:
        """Raises HsmRequestError when there is no such KEK, not even a destroyed one."""
        for each in self.keks:
            if each.id == kek:
                return each
        raise HsmRequestError("the token knows no such KEK", found=kek)

    def plus(self, more: RecordedKek) -> "KekRecord":
        """Raises HsmRequestError when there are too many to keep."""
        if len(self.keks) >= MAX_KEKS:
            raise HsmRequestError("the token has had too many KEKs", expected=f"{MAX_KEKS}")
        return KekRecord((*self.keks, more))

    def without_unfinished(self) -> "KekRecord":
        return KekRecord(tuple(each for each in self.keks if each.id is not None))

    def changed(self, name: bytes, new: RecordedKek) -> "KekRecord":
        return KekRecord(tuple(new if each.name == name else each for each in self.keks))

    def activated(self, kek: KeyId) -> "KekRecord":
        """`kek` active, and the one that was, deactivated."""
        moved = []
        for each in self.keks:
            if each.id == kek:
                moved.append(replace(each, state=KekState.ACTIVE))
            elif each.state is KekState.ACTIVE:
                moved.append(replace(each, state=KekState.DEACTIVATED))
            else:
                moved.append(each)
        return KekRecord(tuple(moved))

    def to_bytes(self) -> bytes:
        keks = [
            {
                "name": each.name.hex(),
                "kek": each.id,
                "profile": each.profile.value,
                "state": each.state.value,
                "origin": each.origin.value,
                "canary": None if each.canary is None else b64(each.canary),
            }
            for each in self.keks
        ]
        return dump({"type": _TYPE, "format": 1, "keks": keks})


def parse_record(raw: bytes) -> KekRecord:
    """Raises TokenError: nobody but Keyturn writes it."""
    try:
        fields = parse_object(raw, limit=_MAX_RECORD, what="the token's record of KEKs")
        fields.literal("type", _TYPE)
        fields.literal("format", 1)
        keks = tuple(_read(each) for each in fields.objects("keks", limit=MAX_KEKS))
        fields.done()
    except MalformedError as error:
        raise TokenError("the token's record of KEKs is damaged", found=str(error)) from error
    _check_states(keks)
    return KekRecord(keks)


def _read(fields: Fields) -> RecordedKek:
    kek = RecordedKek(
        fields.hex("name", limit=2 * 64),
        fields.nullable("kek", lambda name: check_kek_id(fields.text(name, limit=64))),
        fields.choice("profile", KekProfile),
        fields.choice("state", KekState),
        fields.choice("origin", KekOrigin),
        fields.nullable("canary", lambda name: fields.b64(name, size=CANARY_SIZE)),
    )
    fields.done()
    return kek


def _check_states(keks: tuple[RecordedKek, ...]) -> None:
    active = sum(each.state is KekState.ACTIVE for each in keks)
    names = {each.name for each in keks}
    ids = [each.id for each in keks if each.id is not None]
    if active > 1 or len(names) != len(keks) or len(set(ids)) != len(ids):
        raise TokenError(
            "the token's record of KEKs contradicts itself",
            found=f"{active} active of {len(keks)}, {len(set(ids))} ids",
        )
    for each in keks:
        unfinished = each.id is None or each.canary is None
        if unfinished and each.state is not KekState.PRE_ACTIVATION:
            raise TokenError("the token's record names a KEK in use that was never finished")
