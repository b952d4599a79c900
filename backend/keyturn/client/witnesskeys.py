"""Witnesses in a roster: their keys as people have them, and bodies of roster changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import b64, unb64
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm, KeyId, VerifyKey, load_verify_key
from keyturn.base.strictjson import JsonObject, parse_object
from keyturn.client.errors import NotFound
from keyturn.client.offline import read_file
from keyturn.client.rosterchange import roster_body
from keyturn.quorum.roster import Roster, Witnesses
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.notes import parse_note_key

MAX_FILE = 64 << 10
DEFAULT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class WitnessChange:
    """What of a roster's witnesses is to differ; None: as it is."""

    add: tuple[VerifyKey, ...] = ()
    drop: tuple[str, ...] = ()
    needed: int | None = None
    fresh_seconds: int | None = None

    def __bool__(self) -> bool:
        return bool(self.add or self.drop) or (self.needed, self.fresh_seconds) != (None, None)


def read_witness_key(text: str) -> VerifyKey:
    """An SPKI in base64, a verifier key (`name+id+key`), or a file with either, or with what
    `keyturn witness init --json` or `keyturn officer cosigner --json` print.

    Raises FileUnusable, MalformedError unless it is an Ed25519 key.
    """
    key = _key(text.strip())
    if key is None:
        raw = read_file(Path(text), MAX_FILE)
        key = _of_document(raw) if raw.lstrip()[:1] == b"{" else _key(_text(raw))
    if key is None or key.algorithm is not Algorithm.ED25519:
        raise MalformedError(
            "not a witness's key",
            found=repr(text[:80]),
            expected="an Ed25519 key: SPKI in base64, a verifier key, or a file with one",
        )
    return key


def witnesses_body(witnesses: Witnesses) -> JsonObject:
    """As it stands in a roster (our protocol §2.6)."""
    return {
        "keys": [
            {"algorithm": key.algorithm.value, "spki": b64(key.spki)} for key in witnesses.keys
        ],
        "k": witnesses.k,
        "t_seconds": witnesses.t_seconds,
    }


def changed_witnesses(known: Witnesses, change: WitnessChange) -> Witnesses:
    """Raises NotFound for a key to be dropped that is not there, MalformedError on more needed
    than there are."""
    dropped = {_named(each, known.keys) for each in change.drop}
    kept = [key for key in known.keys if key.key_id not in dropped]
    kept += [key for key in change.add if key not in kept]
    needed = known.k if change.needed is None else change.needed
    seconds = known.t_seconds if change.fresh_seconds is None else change.fresh_seconds
    if needed > len(kept):
        raise MalformedError(
            "more witnesses are needed than there are",
            found=f"{needed} of {len(kept)}",
            expected="at most the number of keys",
        )
    return Witnesses(tuple(kept), needed, seconds)


def with_witnesses(state: AuthorityState, change: WitnessChange) -> JsonObject:
    """The body of the roster in force with other witnesses. Raises as `changed_witnesses`."""
    roster = state.roster
    if not isinstance(roster, Roster):
        raise NotFound("no roster is in force")
    witnesses = changed_witnesses(roster.witnesses, change)
    return {**roster_body(state), "witnesses": witnesses_body(witnesses)}


def _named(name: str, keys: Sequence[VerifyKey]) -> KeyId:
    found = [key.key_id for key in keys if len(name) >= 8 and key.key_id.startswith(name)]
    if len(found) != 1:
        raise NotFound(
            "no witness of the roster has this key", found=name, expected="a key id, or 8 digits"
        )
    return found[0]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def _key(text: str) -> VerifyKey | None:
    try:
        return parse_note_key(text).key
    except MalformedError:
        pass
    try:
        return load_verify_key(unb64(text))
    except MalformedError:
        return None


def _of_document(raw: bytes) -> VerifyKey | None:
    fields = parse_object(raw, limit=MAX_FILE, what="witness's key")
    entry = fields.fields("roster_entry") if fields.has("roster_entry") else fields
    entry.literal("algorithm", Algorithm.ED25519.value)
    return load_verify_key(entry.b64("spki", limit=256))
