"""Facts of every kind, for the tests of what writes, reads and checks them."""

from dataclasses import replace

from keyturn.base.encoding import digest_of
from keyturn.base.signatures import KeyId
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
    Level,
    LogStands,
    ModelKeyDestroyed,
    Nothing,
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
from keyturn.ceremony.keyfacts import KeyOrigin, KeyPurpose
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import Action, ShareUse
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from support.ceremonies import TOKEN, Cast, genesis_plan, key_facts, share_sets

OLD, NEW = KeyId("ab" * 32), KeyId("cd" * 32)
DIGEST = digest_of(b"something")
SETS = share_sets(genesis_plan(Cast()))
KEK = key_facts(KeyPurpose.KEK, KekProfile.RECOVERABLE)
TRANSPORT = key_facts(KeyPurpose.TRANSPORT)
OFFICERS = tuple(map(OfficerId, ("ada", "bela", "chen")))
STATEMENTS = StatementsSigned(
    (
        SignedStatement(Kind.ROSTER, 1, DIGEST, OFFICERS),
        SignedStatement(Kind.KEYS, 1, digest_of(b"keys"), OFFICERS),
    )
)
LOG = LogStands(DIGEST, "keyturn.example/log", 11, "ef" * 32)

EVERY: dict[Action, Facts] = {
    Action.ATTEND: Attended(roster=DIGEST),
    Action.PREFLIGHT: Preflighted(DIGEST, Level.AMBER, TOKEN, ("a software token",)),
    Action.MAKE_TOKEN: TokenMade(TOKEN, (KEK, key_facts(KeyPurpose.LOG)), SETS, DIGEST),
    Action.HAND_OUT: Nothing(),
    Action.PROVE_SHARES: SharesProved(((ShareUse.USER, OFFICERS[0]), (ShareUse.SO, OFFICERS[1]))),
    Action.SIGN_FOUNDING: STATEMENTS,
    Action.FOUND: LOG,
    Action.SIGN_KEYS: StatementsSigned(STATEMENTS.statements[1:]),
    Action.CONTINUE_LOG: replace(LOG, size=12),
    Action.UNLOCK: Unlocked(ShareUse.USER, 12345, OFFICERS),
    Action.UNLOCK_SO: Unlocked(ShareUse.SO, 1, OFFICERS[:2]),
    Action.UNLOCK_BACKUP: Unlocked(ShareUse.BACKUP, 32767, OFFICERS[1:]),
    Action.SEAL: Nothing(),
    Action.MAKE_KEK: KekMade(KEK, OLD),
    Action.REWRAP: Rewrapped(OLD, NEW, 10_000, 9_990, 10),
    Action.RETIRE_KEK: KekRetired(OLD),
    Action.DESTROY_KEK: KekDestroyed(OLD),
    Action.BACK_UP: BackedUp(NEW, None),
    Action.PROVE_BACKUP: BackupProved(DIGEST, NEW, TOKEN),
    Action.RESTORE_KEK: KekRestored(DIGEST, replace(KEK, origin=KeyOrigin.RESTORED)),
    Action.PROVE_RESTORE: RestoreProved(NEW, True, (DIGEST,)),
    Action.NEW_PINS: PinsReplaced(SETS[:2]),
    Action.DESTROY_MODEL_KEY: ModelKeyDestroyed(DIGEST, None),
    Action.MAKE_TRANSPORT_KEY: TransportKeyMade(TRANSPORT),
    Action.IMPORT_KEK: KekImported(replace(KEK, origin=KeyOrigin.IMPORTED), TRANSPORT.id),
    Action.CLOSE: Nothing(),
}
