"""A ceremony's facts and values in plain English, for people on paper."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from keyturn.ceremony.course import CourseState
from keyturn.ceremony.facts import (
    Attended,
    BackedUp,
    BackupProved,
    Facts,
    KekDestroyed,
    KekImported,
    KekMade,
    KekRestored,
    KekRetired,
    LogStands,
    ModelKeyDestroyed,
    PinsReplaced,
    Preflighted,
    RestoreProved,
    Rewrapped,
    SharesProved,
    StatementsSigned,
    TokenMade,
    TransportKeyMade,
    Unlocked,
)
from keyturn.ceremony.keyfacts import SOFTWARE_LOG_KEY, Assurance, KeyFacts, KeyPurpose, TokenFacts
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.sharesets import ShareSet, needed_text
from keyturn.quorum.roster import Roster

STATES = {
    CourseState.DONE: "Done: every step, signed by all",
    CourseState.ABORTED: "Aborted",
    CourseState.RUNNING: "Not finished",
}
PARTS = {
    Part.ADMINISTRATOR: "Administrator",
    Part.CUSTODIAN: "Custodian",
    Part.WITNESS: "Witness",
    Part.SCRIBE: "Scribe",
    Part.OFFICER: "Officer",
}
SECRETS = {
    ShareUse.USER: "User PIN",
    ShareUse.SO: "Security officer PIN",
    ShareUse.BACKUP: "Backup secret",
}
PURPOSES = {
    KeyPurpose.KEK: "KEK",
    KeyPurpose.INGEST: "Ingest key",
    KeyPurpose.LOG: "Log key",
    KeyPurpose.RESULT: "Result key",
    KeyPurpose.BACKUP: "Backup key",
    KeyPurpose.TRANSPORT: "Transport key",
}
PROTECTS = {
    KeyPurpose.KEK: "Wraps the data key of every model version.",
    KeyPurpose.INGEST: "Anyone can seal a model to its public half; only this token opens it.",
    KeyPurpose.LOG: "Signs the log's checkpoints.",
    KeyPurpose.RESULT: "Signs attestation results.",
    KeyPurpose.BACKUP: "Public half only, trusted by the security officer: what the KEK is backed"
    " up to.",
    KeyPurpose.TRANSPORT: "For one transport of a KEK; destroyed after it.",
}
_IN_SOFTWARE = (
    "Signs the log's checkpoints. The token does not sign with Ed25519: it keeps this key wrapped,"
    " and the processes that are logged in to it hold it. Whoever reads their memory has it."
)
PROFILES = {
    KekProfile.NEVER_EXTRACTABLE: "never extractable: it leaves the token in no form; if the token"
    " is lost, every model sealed so far is lost",
    KekProfile.RECOVERABLE: "recoverable: it leaves the token wrapped to the backup key, and in no"
    " other form",
}
WORTH = {
    Assurance.SOFTWARE: "This token is a program. What it says of its keys is that program's word:"
    " whoever administers its machine can change the program, its files, or what it answers. The"
    " attributes below were read back as they stand; they do not prove that no copy exists.",
    Assurance.HARDWARE: "This token says that it is a device. The attributes below are what it"
    " answered after the keys were made. No attestation by its maker was verified here.",
}


def key_name(key: KeyFacts) -> str:
    """What minutes call it: `Log key`, or `Software log key`."""
    return SOFTWARE_LOG_KEY.capitalize() if key.in_software else PURPOSES[key.purpose]


def protects(key: KeyFacts) -> str:
    return _IN_SOFTWARE if key.in_software else PROTECTS[key.purpose]


def lowered(text: str) -> str:
    """For the middle of a sentence: `user PIN`."""
    return text[:1].lower() + text[1:]


def moment(time: datetime) -> str:
    """`2026-11-30 09:00:40 UTC`."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(time: datetime) -> str:
    """`09:00:40`."""
    return f"{time.astimezone(UTC):%H:%M:%S}"


def name_of(officer: str, roster: Roster) -> str:
    """The officer's name, or the id of one who is not in the roster."""
    found = next((each for each in roster.officers.values() if each.id == officer), None)
    return found.name if found else officer


def names_of(officers: Sequence[str], roster: Roster) -> str:
    return ", ".join(name_of(each, roster) for each in officers)


def token_text(token: TokenFacts) -> str:
    """`SoftHSM v2 2.6 by SoftHSM project, serial a31f…, software`, as far as it is known."""
    said = " ".join(each for each in (token.model, token.firmware) if each)
    maker = f"by {token.maker}" if token.maker else ""
    made = " ".join(each for each in (said, maker) if each)
    serial = f"serial {token.serial}" if token.serial else ""
    known = [each for each in (made, serial) if each] or ["initialised in a later step"]
    return f"{token.label}: {', '.join((*known, token.assurance.value))}"


def set_text(share_set: ShareSet) -> str:
    return f"{SECRETS[share_set.use]}: {needed_text(share_set)} custodians needed"


def describe(facts: Facts, roster: Roster) -> tuple[str, ...]:
    """What the host says of a step, in sentences."""
    words = _DESCRIBE.get(type(facts))
    return tuple(words(facts, roster)) if words else ()


def _attended(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, Attended)
    said = []
    if facts.roster:
        said.append(f"Roster in force: {facts.roster}.")
    if facts.file:
        said.append(f"File handed in: {facts.file}.")
    return said


def _preflighted(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, Preflighted)
    level = facts.level.value
    return [f"Pre-flight: {level}. Report {facts.report}.", *map(_sentence, facts.remarks)]


def _token_made(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, TokenMade)
    said = [f"Token {token_text(facts.token)}.", f"Keys made: {_keys(facts.keys)}."]
    said += [f"Shares made. {set_text(each)}." for each in facts.share_sets]
    return said + ([f"First backup of the KEK: {facts.backup}."] if facts.backup else [])


def _shares_proved(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, SharesProved)
    return [f"{len(facts.proved)} shares were entered again and have their check values."]


def _statements(facts: Facts, roster: Roster) -> list[str]:
    assert isinstance(facts, StatementsSigned)
    return [
        f"Statement {each.kind.value}, version {each.version}: {each.digest}, approved by"
        f" {names_of(each.approved_by, roster)}."
        for each in facts.statements
    ]


def _log_stands(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, LogStands)
    return [
        f"Authority {facts.authority}.",
        f"Log {facts.origin}: {facts.size} entries, root {facts.root}.",
    ]


def _unlocked(facts: Facts, roster: Roster) -> list[str]:
    assert isinstance(facts, Unlocked)
    return [f"{SECRETS[facts.use]}: shares of {names_of(facts.officers, roster)}."]


def _kek_made(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, KekMade)
    return [f"New KEK {facts.key.id}, to take the place of {facts.replaces}."]


def _rewrapped(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, Rewrapped)
    return [
        f"{facts.total} keys of models are under the new KEK: {facts.rewrapped} were wrapped"
        f" again, {facts.already} were under it already. None is left under {facts.old}."
    ]


def _kek_retired(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, KekRetired)
    return [f"KEK {facts.kek} is deactivated: it wraps nothing any more."]


def _kek_destroyed(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, KekDestroyed)
    return [
        f"KEK {facts.kek} was deleted from the token. Copies outside it, as backups and clones of"
        " tokens, are not reached by that."
    ]


def _backed_up(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, BackedUp)
    if facts.backup is None:
        return [f"KEK {facts.kek} is never extractable: there is no backup."]
    return [f"Backup of KEK {facts.kek}: {facts.backup}."]


def _backup_proved(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, BackupProved)
    return [
        f"Backup {facts.backup} opened on a throw-away token and gave KEK {facts.kek}, which"
        " opened its canary. The throw-away token was destroyed."
    ]


def _kek_restored(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, KekRestored)
    return [f"KEK {facts.key.id} restored from backup {facts.backup}."]


def _restore_proved(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, RestoreProved)
    opened = (["its canary"] if facts.canary else []) + [f"model {each}" for each in facts.models]
    return [f"KEK {facts.kek} opened what was wrapped before: {', '.join(opened)}."]


def _pins_replaced(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, PinsReplaced)
    said = [f"New shares. {set_text(each)}." for each in facts.share_sets]
    return [*said, "Every earlier share of these is worth nothing."]


def _model_key(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, ModelKeyDestroyed)
    found = f"deleted ({facts.wrapped})" if facts.wrapped else "not there any more"
    return [
        f"Wrapped key of model {facts.model}: {found}. No key of this model is released or wrapped"
        " again. Copies elsewhere are not reached by that."
    ]


def _transport(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, TransportKeyMade)
    return [f"Transport key {facts.key.id}."]


def _imported(facts: Facts, _: Roster) -> list[str]:
    assert isinstance(facts, KekImported)
    return [
        f"KEK {facts.key.id} came wrapped to transport key {facts.transport}. What was done with"
        " it before is its makers' word."
    ]


def _keys(keys: Sequence[KeyFacts]) -> str:
    return ", ".join(key_name(each) for each in keys)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


_DESCRIBE: Mapping[type, Callable[[Facts, Roster], list[str]]] = {
    Attended: _attended,
    Preflighted: _preflighted,
    TokenMade: _token_made,
    SharesProved: _shares_proved,
    StatementsSigned: _statements,
    LogStands: _log_stands,
    Unlocked: _unlocked,
    KekMade: _kek_made,
    Rewrapped: _rewrapped,
    KekRetired: _kek_retired,
    KekDestroyed: _kek_destroyed,
    BackedUp: _backed_up,
    BackupProved: _backup_proved,
    KekRestored: _kek_restored,
    RestoreProved: _restore_proved,
    PinsReplaced: _pins_replaced,
    ModelKeyDestroyed: _model_key,
    TransportKeyMade: _transport,
    KekImported: _imported,
}
