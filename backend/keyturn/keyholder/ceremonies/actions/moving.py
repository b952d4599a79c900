"""A KEK on its way from one token to another: an HSM is replaced, or a key is imported (§5.9).

It travels wrapped to a transport key that never leaves the receiving token. Where an HSM is
replaced, the new token is made with PINs from the shares that were just proved, in a place of its
own; the old one stays in use until the log goes on under the new one's keys. Its PIN lies in a
memory file between the two steps that need it: to a host that is stopped between them its
custodians give it again, by the shares that they proved.
"""

from keyturn.base.encoding import digest_of
from keyturn.base.signatures import KeyId, key_id_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import (
    Attended,
    Facts,
    KekDestroyed,
    KekImported,
    RestoreProved,
    TransportKeyMade,
)
from keyturn.ceremony.keyfacts import KeyFacts, KeyOrigin, KeyPurpose, KeyState
from keyturn.ceremony.people import keys_concerned
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Action, ScriptKind, ShareUse
from keyturn.hsm.backup import parse_backup_key, parse_wrapped
from keyturn.hsm.ceremonytasks import (
    ImportKek,
    MakeToken,
    MakeTransport,
    Secret,
    TrustKey,
    run_task,
)
from keyturn.hsm.errors import UntrustedRecipient
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.kekwork import HsmCeremonies, KekProfile, KekReport, WrappedKek
from keyturn.keyholder.ceremonies.actions import restoring, rotation
from keyturn.keyholder.ceremonies.actions.backups import active_kek, order_of
from keyturn.keyholder.ceremonies.actions.destroying import destroy_tree
from keyturn.keyholder.ceremonies.actions.newkeys import compose_keys
from keyturn.keyholder.ceremonies.actions.othertoken import wrap_elsewhere
from keyturn.keyholder.ceremonies.actions.secretsheld import held_secrets
from keyturn.keyholder.ceremonies.actions.tokenfacts import kek_facts
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.handedin import WRAPPED
from keyturn.keyholder.ceremonies.served import SPKI
from keyturn.keyholder.ceremonies.site import BACKUP_KEY, DeskSite, ceremonies_of, desk_of

OLD = "old-token"
"""A file of the ceremony: where the token lies that was replaced."""
_PINS = (ShareUse.USER, ShareUse.SO)


def make_transport_key(doing: Doing) -> Facts:
    if doing.plan.kind is ScriptKind.HSM_REPLACEMENT:
        spki = _on_new_token(doing, desk_of(doing.site))
    else:
        with doing.site.user_pin() as pin_fd:
            place = doing.site.token_place(doing.plan.token)
            spki = run_task(MakeTransport(), place, {Secret.PIN: pin_fd})
    doing.files.keep(SPKI, spki)
    made = KeyOrigin.MADE, KeyState.ACTIVE, ()
    key = KeyFacts(key_id_of(spki), KeyPurpose.TRANSPORT, "rsa-4096", None, *made)
    return TransportKeyMade(key)


def _on_new_token(doing: Doing, desk: DeskSite) -> bytes:
    """The token itself is made here, and trusts the backup key that later backups go to."""
    restoring.unmade(desk, doing.plan)
    write_configuration(desk.fresh_directory(doing.plan))
    place = desk.fresh_place(doing.plan)
    with held_secrets(doing, _PINS) as pins:
        run_task(MakeToken(KekProfile.RECOVERABLE), place, pins)
        doing.at("new token made")
        backup_key = desk.directory / BACKUP_KEY
        if backup_key.is_file():
            trusted = TrustKey(parse_backup_key(backup_key.read_bytes()).spki)
            run_task(trusted, place, {Secret.SO_PIN: pins[Secret.SO_PIN]})
        spki = run_task(MakeTransport(), place, {Secret.PIN: pins[Secret.PIN]})
        desk.fresh_pin.keep(pins[Secret.PIN])
    return spki


def carried(doing: Doing) -> Facts:
    """The digest of what was handed in so far; the other HSM of a rehearsal is made up here."""
    spki, raw = doing.files.kept(SPKI), doing.files.kept(WRAPPED)
    if spki is None:
        return Attended()
    if raw is None and doing.plan.rehearsal:
        raw = wrap_elsewhere(doing, spki)
        doing.files.keep(WRAPPED, raw)
    return Attended(file=digest_of(raw) if raw is not None else None)


def import_kek(doing: Doing) -> Facts:
    spki = doing.files.kept(SPKI)
    if spki is None:
        raise CeremonyRefused(CeremonyReason.FAILED, "there is no transport key")
    if doing.plan.kind is ScriptKind.HSM_REPLACEMENT:
        report = _from_old_token(doing, desk_of(doing.site), spki)
    else:
        report = _from_file(doing, spki)
    return KekImported(kek_facts(report), key_id_of(spki))


def _from_old_token(doing: Doing, desk: DeskSite, spki: bytes) -> KekReport:
    """The security officer trusts the transport key there, and the KEK is wrapped to it."""
    new_pin = desk.fresh_pin.require()
    old = desk.token_place(doing.plan.token)
    with held_secrets(doing, _PINS) as pins:
        run_task(TrustKey(spki), old, {Secret.SO_PIN: pins[Secret.SO_PIN]})
        desk.unlock(doing.plan.token, pins[Secret.PIN])
    keks = ceremonies_of(desk)
    _check_backup_key(doing, desk, keks)
    wrapped = keks.backup_kek(order_of(doing, 1), active_kek(keks).id, spki)
    doing.at("KEK wrapped")
    report = run_task(
        ImportKek(wrapped, activate=True),
        desk.fresh_place(doing.plan),
        {Secret.PIN: new_pin},
    )
    doing.at("KEK imported")
    desk.unlock_fresh(doing.plan, new_pin)
    desk.fresh_pin.forget()
    return report


def _check_backup_key(doing: Doing, desk: DeskSite, keks: HsmCeremonies) -> None:
    """The new token trusts the key that lies beside the settings: a file, that anybody may have
    swapped who writes there. The old token says whether it is the one that its own security officer
    trusted, before any KEK goes to the new one. Raises CeremonyRefused.
    """
    path = desk.directory / BACKUP_KEY
    if not path.is_file():
        return
    spki = parse_backup_key(path.read_bytes()).spki
    try:
        keks.backup_kek(order_of(doing), active_kek(keks).id, spki)
    except UntrustedRecipient as error:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the backup key beside the settings is not one that the old token trusts",
            found=key_id_of(spki),
            hint="Abort. Put back the file that the genesis wrote, and find out who swapped it.",
        ) from error


def _from_file(doing: Doing, spki: bytes) -> KekReport:
    """It opens what was wrapped under it elsewhere; DEKs go on being wrapped under this token's."""
    wrapped = _read_wrapped(doing)
    if wrapped.spki != spki:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the file is wrapped to another key than the transport key",
            found=key_id_of(wrapped.spki),
            expected=key_id_of(spki),
        )
    check_concerns(doing.plan, wrapped.kek)
    keks = ceremonies_of(doing.site)
    with doing.site.user_pin() as pin_fd:
        place = doing.site.token_place(doing.plan.token)
        report = run_task(ImportKek(wrapped, activate=False), place, {Secret.PIN: pin_fd})
    keks.describe_keys()
    return report


def check_concerns(plan: Plan, kek: KeyId) -> None:
    """The file is nobody's word: anybody wraps a key of theirs to the transport key. So none comes
    in but the one that officers approved; what a rehearsal makes up nobody knows before.

    Raises CeremonyRefused.
    """
    named = keys_concerned(plan)
    if kek not in named and not plan.rehearsal:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the file holds another KEK than the statement names",
            found=kek,
            expected=", ".join(named) or "a statement that names the KEK",
        )


def _read_wrapped(doing: Doing) -> WrappedKek:
    raw = doing.files.kept(WRAPPED)
    if raw is None:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the wrapped key was not handed in",
            expected=WRAPPED,
            hint="hand it in as a file of this ceremony",
        )
    return parse_wrapped(raw)


def prove(doing: Doing) -> Facts:
    """Of a restore, or of a key that came in: the token opened its canary and has its id."""
    if doing.plan.kind is ScriptKind.RESTORE:
        return restoring.prove_restore(doing)
    key = (doing.facts_of(Action.IMPORT_KEK) or {}).get("key")
    expected = key.get("id") if isinstance(key, dict) else None
    replaces = doing.plan.kind is ScriptKind.HSM_REPLACEMENT
    keks = desk_of(doing.site).require_fresh() if replaces else ceremonies_of(doing.site)
    found = [each for each in keks.describe_keys().keks if each.id == expected]
    if len(found) != 1:
        raise CeremonyRefused(
            CeremonyReason.FAILED, "the KEK is not on the token", expected=str(expected)
        )
    if replaces:
        compose_keys(doing, desk_of(doing.site).require_fresh())
        doing.files.keep(OLD, str(desk_of(doing.site).used_directory()).encode())
    return RestoreProved(found[0].id, True, ())


def destroy_kek(doing: Doing) -> Facts:
    """Of a rotation the old KEK; of a replacement, the old token's files where it is a software
    token's. What else of it there is, people destroy by its maker's procedure, and say so."""
    if doing.plan.kind is not ScriptKind.HSM_REPLACEMENT:
        return rotation.DESTROY_KEK.do(doing)
    desk = desk_of(doing.site)
    old = doing.files.kept(OLD)
    if old is None or not desk.uses_fresh(doing.plan):
        raise CeremonyRefused(CeremonyReason.WRONG_STEP, "the old token is in use still")
    path = desk.directory / old.decode()
    if path.parent == desk.directory and path != desk.fresh_directory(doing.plan):
        destroy_tree(path)
    return KekDestroyed(active_kek(ceremonies_of(desk)).id)


def _needs_pins(plan: Plan) -> tuple[ShareUse, ...]:
    return _PINS if plan.kind is ScriptKind.HSM_REPLACEMENT else ()


MAKE_TRANSPORT_KEY = Act(
    make_transport_key, holds=_needs_pins, left="the token in use, and its KEK, as they were"
)
IMPORT_KEK = Act(
    import_kek,
    holds=_needs_pins,
    holds_old=True,
    fresh_pin=True,
    left="the token in use, and its KEK, as they were",
)
PROVE = Act(prove, fresh=True, left="the tokens as they were")
DESTROY_KEK = Act(destroy_kek, token=True, left="the old KEK, or what is left of it")
