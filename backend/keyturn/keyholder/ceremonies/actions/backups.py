"""Backing the KEK up, and proving that the backup opens (DESIGN §5.9)."""

from pathlib import Path

from keyturn.base.encoding import digest_bytes, sha256
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import BackedUp, BackupProved, Facts
from keyturn.ceremony.keyfacts import Assurance, TokenFacts
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Action, ShareUse
from keyturn.hsm.backup import KekBackup, parse_backup, parse_backup_key
from keyturn.hsm.ceremonytasks import ProveRestore, Restore, Secret, run_task
from keyturn.hsm.kekwork import CeremonyOrder, HsmCeremonies, KekProfile, KekReport, KekState
from keyturn.keyholder.ceremonies.actions.newsecrets import trial_token
from keyturn.keyholder.ceremonies.actions.secretsheld import held_secrets
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.sharing import pin_descriptor
from keyturn.keyholder.ceremonies.site import BACKUP, BACKUP_KEY, Site, ceremonies_of
from keyturn.keyholder.initialise import write_whole


def order_of(doing: Doing, part: int = 0) -> CeremonyOrder:
    """By the record that this step stands after: the one that people signed."""
    place = doing.course.place
    return CeremonyOrder(place.ceremony, place.seq, digest_bytes(place.previous), part)


def active_kek(hsm: HsmCeremonies) -> KekReport:
    """Raises CeremonyRefused."""
    found = [each for each in hsm.keks() if each.state is KekState.ACTIVE]
    if len(found) != 1:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the token has no active KEK",
            found=str(len(found)),
            expected="1",
        )
    return found[0]


def back_up(doing: Doing) -> Facts:
    """Wrapped to the backup key that the security officer made, and to no other."""
    site = doing.site
    hsm = ceremonies_of(site)
    kek = active_kek(hsm)
    if kek.profile is not KekProfile.RECOVERABLE:
        return BackedUp(kek.id, None)
    path = site.directory / BACKUP_KEY
    if not path.is_file():
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the backup key is not beside the settings",
            found="no such file",
            expected=BACKUP_KEY,
            hint="put back the file that the genesis wrote",
        )
    key = parse_backup_key(path.read_bytes())
    wrapped = hsm.backup_kek(order_of(doing), kek.id, key.spki)
    backup = KekBackup(wrapped, key, doing.now(), doing.plan.ceremony, doing.plan.token)
    keep_other(site.directory, kek.id)
    write_whole(site.directory / BACKUP, backup.to_bytes())
    doing.at("backup written")
    return BackedUp(kek.id, backup.digest)


def kept_backup(kek: KeyId) -> str:
    """The name of a KEK's backup beside that of the one that followed it."""
    return f"kek-backup-{kek[:16]}.json"


def keep_other(directory: Path, kek: KeyId) -> None:
    """A rotation backs its new KEK up while every DEK lies under the one before: where the file is
    of another KEK than `kek` it stays, under a name of its own, until that KEK is destroyed."""
    path = directory / BACKUP
    if not path.is_file():
        return
    raw = path.read_bytes()
    try:
        before = parse_backup(raw).wrapped.kek
    except MalformedError:
        before = KeyId(sha256(raw).hex())  # nobody's to throw away here
    if before != kek:
        write_whole(directory / kept_backup(before), raw)


def backup_at(files: CeremonyFiles, site: Site) -> KekBackup:
    """The one that was handed in, or the one beside the settings. Raises CeremonyRefused."""
    raw = files.kept(BACKUP)
    path = site.directory / BACKUP
    if raw is None and path.is_file():
        raw = path.read_bytes()
    if raw is None:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "there is no backup here",
            found="no such file",
            expected=BACKUP,
            hint="hand it in as a file of this ceremony",
        )
    return parse_backup(raw)


def prove_backup(doing: Doing) -> Facts:
    """On a throw-away token: the KEK comes back, has its id, and opens its canary."""
    backup = backup_at(doing.files, doing.site)
    written = doing.facts_of(Action.BACK_UP)
    if written is not None and written.get("backup") != backup.digest:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "this is another backup than the one that was just made",
            found=backup.digest,
            expected=str(written.get("backup")),
        )
    module = doing.site.module
    with trial_token(module, doing.files, doing.plan.token, doing.random) as trial:
        secrets = trial.secrets
        with (
            pin_descriptor(secrets[ShareUse.USER]) as pin_fd,
            pin_descriptor(secrets[ShareUse.SO], "so-pin") as so_pin_fd,
        ):
            pins = {Secret.PIN: pin_fd, Secret.SO_PIN: so_pin_fd}
            with held_secrets(doing, (ShareUse.BACKUP,)) as held:
                made = run_task(Restore(backup), trial.place, {**pins, **held})
            doing.at("backup restored")
            report = run_task(ProveRestore(backup), trial.place, {Secret.PIN: pin_fd})
    token = TokenFacts(doing.plan.token, made.serial, "", "", "", Assurance.SOFTWARE)
    return BackupProved(backup.digest, report.id, token)


def _holds(_: Plan) -> tuple[ShareUse, ...]:
    return (ShareUse.BACKUP,)


BACK_UP = Act(back_up, token=True, left="the KEK, and the backup before, as they were")
PROVE_BACKUP = Act(
    prove_backup, holds=_holds, left="the backup as it was; the throw-away token is gone"
)
