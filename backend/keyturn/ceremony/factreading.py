"""Reading what the host says of each step (our protocol §10.4). Strict: each field, no other."""

from collections.abc import Callable, Mapping
from typing import cast

from keyturn.base.encoding import Digest
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.errors import CeremonyReason, MalformedCeremony
from keyturn.ceremony.facts import (
    Attended,
    BackedUp,
    BackupProved,
    Facts,
    Failed,
    KekDestroyed,
    KekImported,
    KekMade,
    KekRestored,
    KekRetired,
    Level,
    LogStands,
    ModelKeyDestroyed,
    Nothing,
    Opened,
    PinsReplaced,
    Preflighted,
    RestoreProved,
    Rewrapped,
    SharesProved,
    SignedStatement,
    StatementsSigned,
    TokenMade,
    TransportKeyMade,
    Unlocked,
)
from keyturn.ceremony.keyfacts import read_key, read_key_id, read_keys, read_token, shown
from keyturn.ceremony.script import MAX_SCRIPT, Action, ShareUse
from keyturn.ceremony.sharesets import MAX_IDENTIFIER, ShareSet, read_share_set
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import MAX_OFFICERS, OfficerId

MAX_TEXT = 400
MAX_REMARKS = 60


def read_facts(action: Action, facts: JsonObject) -> Facts:
    """The facts of a `done` record of a step with this action. Raises MalformedError."""
    fields = Fields(facts, f"facts of {action.value}")
    found = _READERS[action](fields)
    fields.done()
    return found


def read_opened(facts: JsonObject) -> Opened:
    """Raises MalformedError."""
    fields = Fields(facts, "facts of opened")
    opened = Opened(
        fields.b64("script", limit=MAX_SCRIPT),
        shown(fields, "software", limit=200),
        shown(fields, "host", limit=200),
        fields.nullable("token", lambda name: read_token(fields.fields(name))),
        read_share_sets(fields, "custody"),
    )
    fields.done()
    return opened


def read_failed(facts: JsonObject) -> Failed:
    """Raises MalformedError."""
    fields = Fields(facts, "facts of failed")
    failed = Failed(
        fields.choice("reason", CeremonyReason),
        shown(fields, "found", limit=MAX_TEXT, empty=True),
        shown(fields, "expected", limit=MAX_TEXT, empty=True),
        shown(fields, "left", limit=MAX_TEXT, empty=True),
    )
    fields.done()
    return failed


def read_share_sets(fields: Fields, name: str) -> tuple[ShareSet, ...]:
    """One of each use at most. Raises MalformedError."""
    sets = tuple(read_share_set(each) for each in fields.objects(name, limit=len(ShareUse)))
    if len({each.use for each in sets}) != len(sets):
        raise MalformedCeremony(f"{fields.what}: {name}: two share sets of one secret")
    return sets


def _officers(fields: Fields, name: str) -> tuple[OfficerId, ...]:
    return tuple(map(OfficerId, fields.texts(name, limit=MAX_OFFICERS)))


def _attended(fields: Fields) -> Attended:
    return Attended(
        fields.nullable("roster", fields.digest), fields.nullable("file", fields.digest)
    )


def _preflighted(fields: Fields) -> Preflighted:
    report, level = fields.digest("report"), fields.choice("level", Level)
    token = read_token(fields.fields("token"))
    remarks = fields.texts("remarks", limit=MAX_REMARKS)
    if level is Level.RED:
        raise MalformedCeremony(f"{fields.what}: a red pre-flight is a failed step")
    return Preflighted(report, level, token, remarks)


def _token_made(fields: Fields) -> TokenMade:
    return TokenMade(
        read_token(fields.fields("token")),
        read_keys(fields, "keys"),
        read_share_sets(fields, "share_sets"),
        fields.nullable("backup", fields.digest),
    )


def _shares_proved(fields: Fields) -> SharesProved:
    proved = []
    for each in fields.objects("proved", limit=len(ShareUse) * MAX_OFFICERS):
        proved.append((each.choice("use", ShareUse), OfficerId(each.text("officer", limit=64))))
        each.done()
    if len(set(proved)) != len(proved):
        raise MalformedCeremony(f"{fields.what}: a share is proved twice")
    return SharesProved(tuple(proved))


def _statements_signed(fields: Fields) -> StatementsSigned:
    statements = []
    for each in fields.objects("statements", limit=len(Kind)):
        statements.append(
            SignedStatement(
                each.choice("kind", Kind),
                each.integer("version", low=1),
                each.digest("digest"),
                _officers(each, "approved_by"),
            )
        )
        each.done()
    return StatementsSigned(tuple(statements))


def _log_stands(fields: Fields) -> LogStands:
    return LogStands(
        fields.digest("authority"),
        shown(fields, "origin", limit=200),
        fields.integer("size", low=1),
        fields.hex("root", size=32).hex(),
    )


def _unlocked(fields: Fields) -> Unlocked:
    return Unlocked(
        fields.choice("use", ShareUse),
        fields.integer("id", high=MAX_IDENTIFIER),
        _officers(fields, "officers"),
    )


def _rewrapped(fields: Fields) -> Rewrapped:
    counts = Rewrapped(
        read_key_id(fields, "old"),
        read_key_id(fields, "new"),
        fields.integer("total"),
        fields.integer("rewrapped"),
        fields.integer("already"),
    )
    if counts.total != counts.rewrapped + counts.already:
        raise MalformedCeremony(
            f"{fields.what}: the counts do not add up",
            found=f"{counts.rewrapped} and {counts.already} of {counts.total}",
            expected="every key under the new KEK",
        )
    return counts


def _kek_id(fields: Fields) -> KeyId:
    return read_key_id(fields, "kek")


def _restore_proved(fields: Fields) -> RestoreProved:
    kek, canary = _kek_id(fields), fields.boolean("canary")
    models = tuple(_digests(fields, "models"))
    if not canary and not models:
        raise MalformedCeremony(f"{fields.what}: nothing opened, so nothing is proved")
    return RestoreProved(kek, canary, models)


def _digests(fields: Fields, name: str) -> list[Digest]:
    inner = {f"{place}": each for place, each in enumerate(fields.texts(name, limit=1000))}
    reader = Fields(cast("JsonObject", inner), f"{fields.what}: {name}")
    return [reader.digest(each) for each in inner]


_READERS: Mapping[Action, Callable[[Fields], Facts]] = {
    Action.ATTEND: _attended,
    Action.PREFLIGHT: _preflighted,
    Action.MAKE_TOKEN: _token_made,
    Action.HAND_OUT: lambda _: Nothing(),
    Action.PROVE_SHARES: _shares_proved,
    Action.SIGN_FOUNDING: _statements_signed,
    Action.FOUND: _log_stands,
    Action.SIGN_KEYS: _statements_signed,
    Action.CONTINUE_LOG: _log_stands,
    Action.UNLOCK: _unlocked,
    Action.UNLOCK_SO: _unlocked,
    Action.UNLOCK_BACKUP: _unlocked,
    Action.SEAL: lambda _: Nothing(),
    Action.MAKE_KEK: lambda fields: KekMade(
        read_key(fields.fields("key")), read_key_id(fields, "replaces")
    ),
    Action.REWRAP: _rewrapped,
    Action.RETIRE_KEK: lambda fields: KekRetired(_kek_id(fields)),
    Action.DESTROY_KEK: lambda fields: KekDestroyed(_kek_id(fields)),
    Action.BACK_UP: lambda fields: BackedUp(
        _kek_id(fields), fields.nullable("backup", fields.digest)
    ),
    Action.PROVE_BACKUP: lambda fields: BackupProved(
        fields.digest("backup"), _kek_id(fields), read_token(fields.fields("token"))
    ),
    Action.RESTORE_KEK: lambda fields: KekRestored(
        fields.digest("backup"), read_key(fields.fields("key"))
    ),
    Action.PROVE_RESTORE: _restore_proved,
    Action.NEW_PINS: lambda fields: PinsReplaced(read_share_sets(fields, "share_sets")),
    Action.DESTROY_MODEL_KEY: lambda fields: ModelKeyDestroyed(
        fields.digest("model"), fields.nullable("wrapped", fields.digest)
    ),
    Action.MAKE_TRANSPORT_KEY: lambda fields: TransportKeyMade(read_key(fields.fields("key"))),
    Action.IMPORT_KEK: lambda fields: KekImported(
        read_key(fields.fields("key")), read_key_id(fields, "transport")
    ),
    Action.CLOSE: lambda _: Nothing(),
}
