"""Founding an authority: token, shares, the first statements, the log (our protocol §10.1).

Until the log has begun there is nothing to lose: an abort destroys the token and everything beside
it, and each step begins by removing what its last attempt left.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError
from keyturn.ceremony import facts
from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import (
    Facts,
    LogStands,
    Nothing,
    SharesProved,
    SignedStatement,
    StatementsSigned,
)
from keyturn.ceremony.plan import FoundingPlan, KekProfile, Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.steps import StepSignature
from keyturn.hsm.backup import KekBackup
from keyturn.hsm.ceremonytasks import MakeToken, TokenMade, run_task
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.kekwork import KekProfile as HsmProfile
from keyturn.keyholder.ceremonies.actions.destroying import destroy_file, destroy_tree
from keyturn.keyholder.ceremonies.actions.newsecrets import new_secrets
from keyturn.keyholder.ceremonies.actions.pins import set_pins
from keyturn.keyholder.ceremonies.actions.restoring import deal_pins
from keyturn.keyholder.ceremonies.actions.secretsheld import SECRETS
from keyturn.keyholder.ceremonies.actions.statements import (
    COMPOSED,
    SIGNED,
    Composed,
    Envelopes,
    check_attached,
    gathered,
    keep_composed,
    keep_signed,
    kept_composed,
    kept_signed,
    proposer_of,
    to_sign,
)
from keyturn.keyholder.ceremonies.actions.tokenfacts import (
    backup_key_facts,
    key_facts,
    token_facts,
)
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.opening import open_token
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.sharing import (
    BOXES,
    SETS,
    Entered,
    deal,
    keep_boxes,
    kept_sets,
    pin_descriptor,
    put_together,
)
from keyturn.keyholder.ceremonies.site import (
    BACKUP,
    BACKUP_KEY,
    BUNDLE,
    CONFIG,
    LOG,
    TOKEN,
    DeskSite,
    Site,
    desk_of,
)
from keyturn.keyholder.config import config_text
from keyturn.keyholder.genesis import Founding, found
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import identity_at
from keyturn.keyholder.initialise import (
    check_names,
    founded_config,
    keys_body,
    write_whole,
)
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bundle import bundle_of, load_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import compose_payload
from keyturn.wire.ceremonies import Progress, StatementToSign


def make_token(doing: Doing) -> Facts:
    """Where the plan founds nothing, the PINs of a fresh token alone."""
    return _make_first(doing) if doing.plan.kind is ScriptKind.GENESIS else deal_pins(doing)


def _make_first(doing: Doing) -> Facts:
    """Token, PINs, keys, shares. The boxes are durable before there is a token."""
    site, founding, plan = desk_of(doing.site), _founding(doing), doing.plan
    take_back(doing.files, site, doing.course)
    check_names(site.directory, founding.origin, site.module)
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
        doing.report(Progress(1, 3, "the token is made"))
        made = made_token(doing, site, secrets)
        doing.at("token made")
        doing.report(Progress(2, 3, "its keys are read back"))
        with (
            pin_descriptor(secrets[ShareUse.USER]) as pin_fd,
            HsmWorker(site.worker_config(plan.token), pin_fd) as worker,
        ):
            token, keys = token_facts(worker.hello), key_facts(worker)
            if made.backup_key is not None:
                keys = (*keys, backup_key_facts(made.backup_key.spki))
            body = keys_body(founding.origin, worker, identity_at(site.directory / IDENTITY))
    backup = _first_backup(doing, site, made)
    keep_composed(doing.files, _composed(doing, founding, body))
    return facts.TokenMade(token, keys, boxes.sets, backup)


def made_token(doing: Doing, site: DeskSite, secrets: Mapping[ShareUse, bytearray]) -> TokenMade:
    """By a process of its own, in a new place, with the profile that the plan chose."""
    profile = doing.plan.kek_profile or KekProfile.RECOVERABLE
    write_configuration(site.directory / TOKEN)
    with ExitStack() as stack:
        descriptors = {
            SECRETS[use]: stack.enter_context(pin_descriptor(secret, use.value))
            for use, secret in secrets.items()
        }
        place = site.token_place(doing.plan.token)
        return run_task(MakeToken(HsmProfile(profile.value)), place, descriptors)


def _first_backup(doing: Doing, site: DeskSite, made: TokenMade) -> Digest | None:
    """A file of the ceremony, and beside the settings the key that later backups go to."""
    if made.backup_key is None or made.wrapped is None:
        return None
    token = f"{doing.plan.token} {made.serial}"
    backup = KekBackup(made.wrapped, made.backup_key, doing.now(), doing.plan.ceremony, token)
    write_whole(site.directory / BACKUP_KEY, made.backup_key.to_bytes())
    write_whole(site.directory / BACKUP, backup.to_bytes())
    return backup.digest


def _composed(doing: Doing, founding: FoundingPlan, keys: dict[str, object]) -> Composed:
    proposer = proposer_of(doing.roster, doing.plan.administrator)
    now = doing.now()

    def payload(kind: Kind, body: dict[str, object], authority: Digest | None) -> bytes:
        return compose_payload(
            kind,
            kind.value,
            authority=authority,
            version=1,
            replaces=None,
            proposer=proposer,
            time=now,
            reason=f"ceremony {doing.plan.ceremony}",
            body=body,
            life=timedelta(days=founding.life_days),
        )

    roster = payload(Kind.ROSTER, {**founding.body}, None)
    named = payload(Kind.KEYS, keys, digest_of(roster))
    return Composed(proposer, {Kind.ROSTER: roster, Kind.KEYS: named})


def hand_out(_: Doing) -> Facts:
    """Custodians have said that they have their shares."""
    return Nothing()


def prove_shares(doing: Doing) -> Facts:
    """Every share is here again: the user PIN opens the token, which stays open to the end."""
    shares = doing.shares
    if shares is None:
        raise CeremonyRefused(CeremonyReason.NOT_ATTACHED, "no shares were entered")
    for each in kept_sets(doing.files):
        if not shares.is_complete(each.use):
            raise CeremonyRefused(
                CeremonyReason.NOT_ATTACHED,
                "not every share was entered again",
                found=each.use.value,
                expected=f"{len(each.members)} shares",
            )
    proved = tuple(
        (each.use, member.officer) for each in kept_sets(doing.files) for member in each.members
    )
    _USED.get(doing.plan.kind, _held)(doing, shares)
    return SharesProved(proved)


def _opens(doing: Doing, shares: Entered) -> None:
    """A genesis goes on with the token open; the other secrets are what was dealt, which their
    own digest says."""
    for use in (ShareUse.SO, ShareUse.BACKUP):
        for each in shares.candidates(use):
            with put_together(each):
                pass
    open_token(doing.site, doing.plan, shares)


def _sets_pins(doing: Doing, _: Entered) -> None:
    set_pins(doing)


def _held(_: Doing, __: Entered) -> None:
    """A token that is not in use yet is opened by the steps that follow."""


_USED: Mapping[ScriptKind, Callable[[Doing, Entered], None]] = {
    ScriptKind.GENESIS: _opens,
    ScriptKind.CUSTODIAN_CHANGE: _sets_pins,
    ScriptKind.OFFICER_KEY_LOSS: _sets_pins,
}
_CHANGES = (ScriptKind.CUSTODIAN_CHANGE, ScriptKind.OFFICER_KEY_LOSS)


def _proof_holds(plan: Plan) -> tuple[ShareUse, ...]:
    """Where PINs are replaced, the old ones."""
    return (ShareUse.USER, ShareUse.SO) if plan.kind in _CHANGES else ()


def _proof_keeps(plan: Plan) -> tuple[ShareUse, ...]:
    """A new token that is not in use yet."""
    return () if plan.kind in _USED else (ShareUse.USER, ShareUse.SO)


def statements(doing: Doing) -> tuple[StatementToSign, ...]:
    return to_sign(kept_composed(doing.files))


def check(doing: Doing, signature: StepSignature, attached: tuple[bytes, ...]) -> None:
    check_attached(kept_composed(doing.files), doing.roster, signature, attached)


def complete(doing: Doing) -> bool:
    """Whether both have their quorum by what is attached so far."""
    composed = kept_composed(doing.files)
    signed = gathered(composed, doing.attached)
    if signed is None:
        return False
    try:
        _judged(doing, composed, signed)
    except KeyturnError:
        return False
    return True


def _judged(doing: Doing, composed: Composed, signed: Mapping[Kind, Envelopes]) -> None:
    """As everybody judges them who reads the authority's bundle. Raises SubmissionRefused."""
    roster, keys = signed[Kind.ROSTER], signed[Kind.KEYS]
    raw = bundle_of([(roster[0], list(roster[1]))], (keys[0], list(keys[1])))
    fingerprint = composed.digest(Kind.ROSTER)
    load_bundle(raw, fingerprint, doing.now(), rehearsal=doing.plan.rehearsal)


def sign_founding(doing: Doing) -> Facts:
    composed = kept_composed(doing.files)
    signed = gathered(composed, doing.attached)
    if signed is None:
        raise CeremonyRefused(CeremonyReason.NOT_ATTACHED, "a statement is not signed")
    _judged(doing, composed, signed)
    keep_signed(doing.files, signed)
    return StatementsSigned(
        tuple(
            SignedStatement(
                kind,
                1,
                composed.digest(kind),
                tuple(parse_approval(each).officer for each in approvals),
            )
            for kind, (_, approvals) in signed.items()
        )
    )


def found_log(doing: Doing) -> Facts:
    """The log begins; what a kill left of it is completed. The settings' file comes last."""
    site, founding = desk_of(doing.site), _founding(doing)
    hsm = site.require_hsm()
    signed = kept_signed(doing.files)
    fingerprint = kept_composed(doing.files).digest(Kind.ROSTER)
    if not site.is_founded:
        bundle = found(
            site.directory / LOG,
            founding.origin,
            hsm,
            fingerprint,
            Founding(signed[Kind.ROSTER], signed[Kind.KEYS]),
            site.now,
        )
        doing.at("log begun")
        write_whole(site.directory / BUNDLE, bundle)
        config = founded_config(
            site.directory,
            founding.origin,
            site.module,
            fingerprint,
            site.worker_config(doing.plan.token).softhsm_configuration or Path(),
            token_label=doing.plan.token,
        )
        write_whole(site.directory / CONFIG, config_text(config, site.directory).encode())
        doing.at("founded")
    if site.journal is None:
        site.open_log()
    head = site.head()
    return LogStands(fingerprint, founding.origin, head.size, head.root.hex())


def take_back(files: CeremonyFiles, site: Site, _: Course) -> None:
    """Token, log and settings are destroyed, and what was to be signed with them. In that order
    nothing works any more from the first one on."""
    desk = desk_of(site)
    _check_ours(files, desk)
    desk.lock_token()
    desk.close_log()
    destroy_file(desk.directory / CONFIG)
    destroy_file(desk.directory / IDENTITY)
    destroy_tree(desk.directory / TOKEN)
    destroy_tree(desk.directory / LOG)
    for name in (BUNDLE, BACKUP, BACKUP_KEY):
        destroy_file(desk.directory / name)
    files.forget(BOXES, SETS, COMPOSED, SIGNED)


def _check_ours(files: CeremonyFiles, desk: DeskSite) -> None:
    """Raises CeremonyRefused where another genesis than this one founded what stands here."""
    stands = desk.fingerprint
    if stands is not None and stands != kept_composed(files).digest(Kind.ROSTER):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "another ceremony founded the authority that stands here",
            found=stands,
            hint="nothing of it was destroyed",
        )


def _founding(doing: Doing) -> FoundingPlan:
    founding = doing.plan.founding
    if founding is None:
        raise CeremonyRefused(CeremonyReason.WRONG_CEREMONY, "the plan founds no authority")
    return founding


MAKE_TOKEN = Act(make_token, left="no token, and no shares of one")
HAND_OUT = Act(hand_out)
PROVE_SHARES = Act(
    prove_shares,
    holds=_proof_holds,
    keeps=_proof_keeps,
    left="the token and its shares, as they were",
)
SIGN_FOUNDING = Act(
    sign_founding,
    check=check,
    complete=complete,
    statements=statements,
    left="the token and its shares, as they were",
)
FOUND = Act(
    found_log,
    token=True,
    left="the token and its shares, and of the log what the next attempt completes",
)
