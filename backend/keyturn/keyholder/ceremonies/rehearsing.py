"""What a rehearsal finds: an authority and a token of its own, made before it begins (DESIGN §5.9).

The script is the real one, the people and their keys are, too; what they act on is thrown away at
the end. Its roster in the log is one of random officers, since nobody signs for a rehearsal what
could be used elsewhere; the custodians of the shares that stand at the beginning are chosen from
the plan's own roster. Nothing here touches anything outside the rehearsal's directory.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from keyturn.base.encoding import Digest
from keyturn.base.signatures import Algorithm
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.plan import FoundingPlan, Plan, ShareGroup, ShareScheme
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.slip39 import Random
from keyturn.hsm.backup import KekBackup
from keyturn.hsm.ceremonytasks import MakeToken, run_task
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.kekwork import KekProfile
from keyturn.keyholder.ceremonies.actions.destroying import destroy_tree
from keyturn.keyholder.ceremonies.actions.newsecrets import new_secrets
from keyturn.keyholder.ceremonies.actions.secretsheld import SECRETS
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.rehearsalmodels import admit_models
from keyturn.keyholder.ceremonies.sharing import deal, keep_boxes_before, pin_descriptor
from keyturn.keyholder.ceremonies.site import (
    BACKUP,
    BACKUP_KEY,
    BUNDLE,
    CONFIG,
    LOG,
    TOKEN,
    DeskSite,
)
from keyturn.keyholder.config import config_text
from keyturn.keyholder.genesis import Founding, found
from keyturn.keyholder.initialise import (
    DEFAULT_ROLES,
    Founder,
    founded_config,
    keys_body,
    signed_by_founders,
    write_whole,
)
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, Role
from keyturn.quorum.roster import OfficerId, Roster

_FOUNDERS = ("rehearsal-1", "rehearsal-2", "rehearsal-3", "rehearsal-4")
_MOST = {ShareUse.USER: 5, ShareUse.SO: 3, ShareUse.BACKUP: 3}
_NEEDED = {ShareUse.USER: 3, ShareUse.SO: 2, ShareUse.BACKUP: 2}
_LIFE = timedelta(days=1)
_ABOUT_MODELS = (ScriptKind.KEK_ROTATION, ScriptKind.MODEL_KEY_DESTRUCTION)


@dataclass(frozen=True, slots=True)
class Prelude:
    """What stands before the first record. `founders` sign for the throw-away log."""

    sets: tuple[ShareSet, ...]
    founders: tuple[Founder, ...]


def schemes_for(roster: Roster) -> dict[ShareUse, ShareScheme]:
    """Who holds what at the beginning: user and SO shares never the same people.

    Raises CeremonyRefused where the roster has too few custodians.
    """
    keepers = [
        each.id
        for each in roster.officers.values()
        if Role.CUSTODIAN in each.roles and each.hpke is not None
    ]
    least = sum(_NEEDED[use] for use in (ShareUse.USER, ShareUse.SO))
    if len(keepers) < least:
        raise CeremonyRefused(
            CeremonyReason.UNFIT_PARTICIPANT,
            "too few custodians to rehearse with",
            found=str(len(keepers)),
            expected=f"at least {least} with an encryption key in the roster",
        )
    users = keepers[: max(_NEEDED[ShareUse.USER], min(_MOST[ShareUse.USER], len(keepers) - 3))]
    others = keepers[len(users) :]
    return {
        ShareUse.USER: _scheme(ShareUse.USER, users),
        ShareUse.SO: _scheme(ShareUse.SO, others),
        ShareUse.BACKUP: _scheme(ShareUse.BACKUP, keepers),
    }


def _scheme(use: ShareUse, keepers: Sequence[OfficerId]) -> ShareScheme:
    return ShareScheme(1, (ShareGroup(_NEEDED[use], tuple(keepers[: _MOST[use]])),))


def begin(
    site: DeskSite, files: CeremonyFiles, plan: Plan, plan_digest: Digest, random: Random
) -> Prelude:
    """Token, shares, log; the token open, or for a restore lost.

    Raises CeremonyRefused and what token and log raise.
    """
    founding = plan.founding
    if founding is None:
        raise CeremonyRefused(CeremonyReason.WRONG_CEREMONY, "a rehearsal founds its own authority")
    roster = founding.roster
    schemes = schemes_for(roster)
    with new_secrets(schemes, random) as secrets:
        boxes = deal(secrets, schemes, roster, plan.ceremony, plan_digest, random, rehearsal=True)
        keep_boxes_before(files, boxes)
        _make_token(site, plan, secrets)
        with pin_descriptor(secrets[ShareUse.USER]) as pin_fd:
            founders = _found(site, plan, founding, pin_fd)
            site.open_log()
            site.unlock(plan.token, pin_fd)
            if plan.kind is ScriptKind.KEY_IMPORT:
                site.rehearsed_pin.keep(pin_fd)
    if plan.kind in _ABOUT_MODELS:
        site.inventory = admit_models(site, plan, founders, random)
    if plan.kind in (ScriptKind.UNSEAL, ScriptKind.RESTORE):
        site.lock_token()
    if plan.kind is ScriptKind.RESTORE:
        destroy_tree(site.directory / TOKEN)
    return Prelude(boxes.sets, founders)


def _make_token(site: DeskSite, plan: Plan, secrets: Mapping[ShareUse, bytearray]) -> None:
    write_configuration(site.directory / TOKEN)
    place = site.token_place(plan.token)
    with ExitStack() as stack:
        descriptors = {
            SECRETS[use]: stack.enter_context(pin_descriptor(secret, use.value))
            for use, secret in secrets.items()
        }
        made = run_task(MakeToken(KekProfile.RECOVERABLE), place, descriptors)
    assert made.backup_key is not None  # since there is a backup secret
    assert made.wrapped is not None
    backup = KekBackup(made.wrapped, made.backup_key, site.now(), plan.ceremony, plan.token)
    write_whole(site.directory / BACKUP_KEY, made.backup_key.to_bytes())
    write_whole(site.directory / BACKUP, backup.to_bytes())


def _found(site: DeskSite, plan: Plan, founding: FoundingPlan, pin_fd: int) -> tuple[Founder, ...]:
    founders, now = _founders(), site.now()
    body = {
        "simulation": True,
        "officers": [each.entry for each in founders],
        "thresholds": {kind.value: count for kind, count in DEFAULT_THRESHOLDS.items()},
        "proposer_may_approve": [Kind.REVOCATION.value],
        "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
    }
    with HsmWorker(site.worker_config(plan.token), pin_fd) as worker:
        roster = signed_by_founders(
            Kind.ROSTER, "roster", body, founders, _LIFE, now, authority=None
        )
        named = keys_body(founding.origin, worker)
        keys = signed_by_founders(
            Kind.KEYS, "keys", named, founders, _LIFE, now, authority=roster.digest
        )
        bundle = found(
            site.directory / LOG,
            founding.origin,
            worker,
            roster.digest,
            Founding((roster.raw, roster.approvals), (keys.raw, keys.approvals)),
            site.now,
        )
    write_whole(site.directory / BUNDLE, bundle)
    config = founded_config(
        site.directory,
        founding.origin,
        site.module,
        roster.digest,
        site.directory / TOKEN / "softhsm2.conf",
        token_label=plan.token,
    )
    write_whole(site.directory / CONFIG, config_text(config, site.directory).encode())
    return founders


def _founders() -> tuple[Founder, ...]:
    """Random officers; their keys are in this process alone."""
    made = [generate(each, each.title(), Algorithm.ED25519) for each in _FOUNDERS]
    return tuple(
        Founder(OfficerSigner(each), each.public.roster_entry(DEFAULT_ROLES)) for each in made
    )
