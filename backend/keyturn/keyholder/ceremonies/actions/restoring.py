"""Restoring the KEK from its backup on a fresh token, after the old one was lost (DESIGN §5.9).

The fresh token has a place of its own: until the log goes on under its keys, what is in use stays
as it is, and an abort deletes the fresh one alone. It is initialised with PINs that are put
together from the shares which custodians have just proved, so that they do open it.
"""

from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, KekRestored, RestoreProved, TokenMade
from keyturn.ceremony.keyfacts import Assurance, TokenFacts
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import ShareUse
from keyturn.hsm.backup import KekBackup
from keyturn.hsm.ceremonytasks import Restore, Secret, run_task
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.kekwork import KekState
from keyturn.keyholder.ceremonies.actions.backups import active_kek, backup_at
from keyturn.keyholder.ceremonies.actions.destroying import destroy_tree
from keyturn.keyholder.ceremonies.actions.newkeys import compose_keys
from keyturn.keyholder.ceremonies.actions.newsecrets import new_secrets
from keyturn.keyholder.ceremonies.actions.secretsheld import held_secrets
from keyturn.keyholder.ceremonies.actions.statements import COMPOSED, SIGNED
from keyturn.keyholder.ceremonies.actions.tokenfacts import kek_facts
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.handedin import named_backup
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.sharing import (
    BOXES,
    SETS,
    deal,
    keep_boxes,
)
from keyturn.keyholder.ceremonies.site import DeskSite, Site, desk_of


def deal_pins(doing: Doing) -> Facts:
    """The fresh token's PINs, split and sealed. It is initialised with them when its KEK comes."""
    plan = doing.plan
    take_back(doing.files, doing.site, doing.course)
    with new_secrets(plan.shares, doing.random) as secrets:
        boxes = deal(
            secrets,
            plan.shares,
            doing.roster,
            plan.ceremony,
            doing.plan_digest,
            doing.random,
            rehearsal=plan.rehearsal,
        )
        keep_boxes(doing.files, boxes)
        doing.at("boxes kept")
    token = TokenFacts(plan.token, "", "", "", "", Assurance.SOFTWARE)
    return TokenMade(token, (), boxes.sets, None)


def restore_kek(doing: Doing) -> Facts:
    """Token, PINs, the backup's KEK and new key pairs, in one go; what was there is deleted."""
    desk, backup = desk_of(doing.site), backup_at(doing.files, doing.site)
    _check_named(doing, backup)
    unmade(desk, doing.plan)
    write_configuration(desk.fresh_directory(doing.plan))
    place = desk.fresh_place(doing.plan)
    with held_secrets(doing, (ShareUse.USER, ShareUse.SO, ShareUse.BACKUP)) as secrets:
        made = run_task(Restore(backup), place, secrets)
        doing.at("KEK restored")
        desk.unlock_fresh(doing.plan, secrets[Secret.PIN])
    restored = [each for each in made.report.keks if each.state is KekState.ACTIVE]
    if [each.id for each in restored] != [backup.wrapped.kek]:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the fresh token has another KEK than the backup",
            found=", ".join(each.id for each in restored),
            expected=backup.wrapped.kek,
        )
    return KekRestored(backup.digest, kek_facts(restored[0]))


def _check_named(doing: Doing, backup: KekBackup) -> None:
    """Raises CeremonyRefused for another KEK than the one that this is about, and for another
    backup of it: an older one opens to who held its shares once, and has a backup key of its own.
    """
    if doing.plan.rehearsal:
        return
    named = named_backup(doing.files, doing.plan, doing.site.state)
    if backup.digest != named:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the backup is another one than the statement names",
            found=backup.digest,
            expected=named or "a statement that names it",
            hint="hand in the backup that the officers approved",
        )
    concerns = doing.plan.concerns
    if concerns != (backup.wrapped.kek,):
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the backup is of another KEK than the one that is to be restored",
            found=backup.wrapped.kek,
            expected=", ".join(concerns),
        )


def prove_restore(doing: Doing) -> Facts:
    """The worker opened the canary that the lost token's KEK wrapped, or it is not there."""
    worker = desk_of(doing.site).require_fresh()
    worker.describe_keys()
    kek = active_kek(worker)
    expected = backup_at(doing.files, doing.site).wrapped.kek
    if kek.id != expected:
        raise CeremonyRefused(
            CeremonyReason.FAILED, "another KEK is active", found=kek.id, expected=expected
        )
    compose_keys(doing, worker)
    return RestoreProved(kek.id, True, ())


def take_back(files: CeremonyFiles, site: Site, course: Course) -> None:
    """The fresh token, unless the log goes on under its keys already: then it is the one in use."""
    desk = desk_of(site)
    if desk.uses_fresh(course.plan):
        return
    unmade(desk, course.plan)
    files.forget(BOXES, SETS, COMPOSED, SIGNED)


def unmade(desk: DeskSite, plan: Plan) -> None:
    """Nothing is left of a fresh token."""
    desk.lock_fresh()
    destroy_tree(desk.fresh_directory(plan))


def _holds(_: Plan) -> tuple[ShareUse, ...]:
    return (ShareUse.USER, ShareUse.SO, ShareUse.BACKUP)


RESTORE_KEK = Act(restore_kek, holds=_holds, left="the backup and the log as they were")
