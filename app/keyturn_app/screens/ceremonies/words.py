"""What kinds, parts, steps and events of ceremonies are called on the screen. No Qt in here."""

from dataclasses import dataclass

from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import KekProfile, Plan, ShareScheme
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Action, Part, ScriptKind, ShareUse
from keyturn_app.i18n import _, n_
from keyturn_app.screens.ceremonies.casting import scheme_missing
from keyturn_app.screens.ceremonies.hosts import RunState
from keyturn_app.states import Look


@dataclass(frozen=True, slots=True)
class KindWords:
    """`statement`: whether a statement of a quorum must let it happen."""

    title: str
    does: str
    who: str
    minutes: int
    icon: str
    statement: bool = True
    rehearsable: bool = True


def kind_words(kind: ScriptKind) -> KindWords:
    return _kinds()[kind]


def kind_title(kind: str) -> str:
    """Of a kind as a host names it; one that nobody knows is shown as it is."""
    known = {each.value: each for each in ScriptKind}
    return _kinds()[known[kind]].title if kind in known else kind


def _kinds() -> dict[ScriptKind, KindWords]:
    """In the order in which they are offered."""
    quorum = _("A quorum of custodians, an administrator, a witness")
    return {
        ScriptKind.GENESIS: KindWords(
            _("Genesis"),
            _(
                "Founds an authority: token, keys, shares, first roster, log and first backup. "
                "Once for each authority."
            ),
            _("All custodians, first officers, administrator, witness"),
            120,
            "zap",
            statement=False,
        ),
        ScriptKind.UNSEAL: KindWords(
            _("Unseal"),
            _("Opens the token of a keyholder that was restarted. Keys are released again."),
            _("A quorum of the custodians of the user PIN"),
            10,
            "lock-open",
            statement=False,
        ),
        ScriptKind.SEAL: KindWords(
            _("Seal"),
            _("Closes the token. No key is released until custodians unseal it."),
            _("An administrator or a custodian: one is enough"),
            5,
            "lock",
            statement=False,
        ),
        ScriptKind.KEK_ROTATION: KindWords(
            _("KEK rotation"),
            _("Makes a new KEK and wraps every model's key again. The old one is destroyed last."),
            quorum,
            45,
            "refresh-cw",
        ),
        ScriptKind.BACKUP: KindWords(
            _("Backup"),
            _("Writes an encrypted backup of the KEK, and proves that it opens."),
            quorum,
            30,
            "save",
        ),
        ScriptKind.RESTORE: KindWords(
            _("Restore"),
            _("Puts a backup of the KEK into a fresh token, after the old one was lost."),
            _("Custodians of the backup, an administrator, a witness"),
            60,
            "history",
        ),
        ScriptKind.RESTORE_DRILL: KindWords(
            _("Restore drill"),
            _("Restores the backup on a throw-away token, opens a canary, destroys it again."),
            _("Custodians of the backup, an administrator, a witness"),
            40,
            "clipboard-check",
        ),
        ScriptKind.CUSTODIAN_CHANGE: KindWords(
            _("Custodian change"),
            _("New PINs and new shares for the new custodians. The old shares are worth nothing."),
            quorum,
            60,
            "users",
        ),
        ScriptKind.OFFICER_KEY_LOSS: KindWords(
            _("Officer key loss"),
            _("An officer's key is lost: it leaves the roster, and their shares are made anew."),
            quorum,
            45,
            "user-check",
        ),
        ScriptKind.MODEL_KEY_DESTRUCTION: KindWords(
            _("Model key destruction"),
            _("Destroys one model's key for ever. What copies elsewhere hold, nobody can prove."),
            quorum,
            30,
            "trash-2",
        ),
        ScriptKind.KEY_IMPORT: KindWords(
            _("Key import"),
            _("Takes a KEK over from another HSM, under a transport key made here."),
            quorum,
            60,
            "file-input",
        ),
        ScriptKind.HSM_REPLACEMENT: KindWords(
            _("HSM replacement"),
            _("Moves the authority to another token; the log goes on under a new log key."),
            quorum,
            90,
            "hard-drive",
        ),
    }


def part_word(part: Part) -> str:
    return {
        Part.ADMINISTRATOR: _("Administrator"),
        Part.CUSTODIAN: _("Custodian"),
        Part.WITNESS: _("Witness"),
        Part.SCRIBE: _("Scribe"),
        Part.OFFICER: _("Officer"),
    }[part]


def part_of(text: str) -> Part | None:
    return {each.value: each for each in Part}.get(text)


def use_word(use: ShareUse) -> str:
    return {
        ShareUse.USER: _("user PIN"),
        ShareUse.SO: _("SO PIN"),
        ShareUse.BACKUP: _("backup secret"),
    }[use]


def use_short(use: ShareUse) -> str:
    """Where there is little room."""
    return {
        ShareUse.USER: _("user PIN"),
        ShareUse.SO: _("SO PIN"),
        ShareUse.BACKUP: _("backup"),
    }[use]


def use_of(text: str) -> ShareUse | None:
    return {each.value: each for each in ShareUse}.get(text)


def share_words(use: ShareUse) -> int:
    """How many words a share has: 16 bytes give 20, 32 give 33 (SLIP-39)."""
    return 33 if use is ShareUse.BACKUP else 20


def action_text(action: Action) -> str:
    """What the host does in a step, in a few words for the rail."""
    return {
        Action.ATTEND: _("People and room"),
        Action.PREFLIGHT: _("Token looked over"),
        Action.MAKE_TOKEN: _("Keys and shares made"),
        Action.HAND_OUT: _("Each sees their own"),
        Action.PROVE_SHARES: _("Every share entered"),
        Action.SIGN_FOUNDING: _("Officers sign"),
        Action.FOUND: _("Log begins"),
        Action.SIGN_KEYS: _("Officers sign"),
        Action.CONTINUE_LOG: _("Log goes on"),
        Action.UNLOCK: _("Shares open the token"),
        Action.UNLOCK_SO: _("SO shares"),
        Action.UNLOCK_BACKUP: _("Backup shares"),
        Action.SEAL: _("Token closed"),
        Action.MAKE_KEK: _("Inside the HSM"),
        Action.REWRAP: _("Every model's key"),
        Action.RETIRE_KEK: _("Unwraps, wraps no more"),
        Action.DESTROY_KEK: _("For ever"),
        Action.BACK_UP: _("Encrypted file"),
        Action.PROVE_BACKUP: _("On a throw-away token"),
        Action.RESTORE_KEK: _("Into the fresh token"),
        Action.PROVE_RESTORE: _("A canary opens"),
        Action.NEW_PINS: _("Old shares end"),
        Action.DESTROY_MODEL_KEY: _("For ever"),
        Action.MAKE_TRANSPORT_KEY: _("Inside the HSM"),
        Action.IMPORT_KEK: _("From the other HSM"),
        Action.CLOSE: _("Everybody signs"),
    }[action]


def step_place(kind: str, step: str) -> str:
    """Like `step 3 of 5: Prove the backup`, of a kind and a step as a host or the log names them;
    one that this release's script does not have is named as it is."""
    known = {each.value: script for each, script in SCRIPTS.items()}
    steps = known[kind].steps if kind in known else ()
    for number, each in enumerate(steps, 1):
        if each.id == step:
            return _("step {number} of {all}: {title}").format(
                number=number, all=len(steps), title=each.title
            )
    return _("at step {step}").format(step=step)


def event_word(event: Event) -> str:
    return {
        Event.OPENED: _("opened"),
        Event.DONE: _("done"),
        Event.FAILED: _("failed"),
        Event.NOTE: _("note"),
        Event.EXCEPTION: _("exception"),
        Event.RESUMED: _("resumed"),
        Event.ABORTED: _("aborted"),
    }[event]


def run_look(state: RunState) -> Look:
    return {
        RunState.RUNNING: Look(_("Running"), "pending", "circle-dashed"),
        RunState.INTERRUPTED: Look(_("Interrupted"), "stale", "triangle-alert"),
        RunState.DONE: Look(_("Done"), "ok", "circle-check"),
        RunState.ABORTED: Look(_("Aborted"), "danger", "octagon-x"),
    }[state]


def profile_word(profile: KekProfile) -> str:
    return {
        KekProfile.NEVER_EXTRACTABLE: _("Never extractable"),
        KekProfile.RECOVERABLE: _("Recoverable"),
    }[profile]


def profile_text(profile: KekProfile) -> str:
    """What it means, said before it is chosen."""
    return {
        KekProfile.NEVER_EXTRACTABLE: _(
            "The KEK can never leave this token, not even encrypted. If the token is lost, every "
            "model sealed under it is lost with it, and must be sealed again from its source."
        ),
        KekProfile.RECOVERABLE: _(
            "The KEK can leave the token only encrypted to the backup key, which needs the backup "
            "custodians. A lost token can be replaced; whoever has the backup file and M backup "
            "shares has the KEK."
        ),
    }[profile]


def scheme_text(scheme: ShareScheme) -> str:
    """`3 of 5`, or how many of which groups."""
    if len(scheme.groups) == 1:
        group = scheme.groups[0]
        return _("{m} of {n}").format(m=group.threshold, n=len(group.members))
    inner = ", ".join(
        _("{m} of {n}").format(m=each.threshold, n=len(each.members)) for each in scheme.groups
    )
    return _("{m} of {n} groups ({inner})").format(
        m=scheme.group_threshold, n=len(scheme.groups), inner=inner
    )


def share_place(scheme: ShareScheme, officer: str) -> str:
    """Which share is theirs: `2 of 5`, with its group where there are several."""
    for at, group in enumerate(scheme.groups, 1):
        for place, each in enumerate(group.members, 1):
            if each == officer:
                text = _("{m} of {n}").format(m=place, n=len(group.members))
                if len(scheme.groups) == 1:
                    return text
                return _("group {group}, {place}").format(group=at, place=text)
    return ""


@dataclass(frozen=True, slots=True)
class Made:
    """What a ceremony makes or touches, and what that protects."""

    title: str
    rows: tuple[tuple[str, str], ...]


_TITLES = {
    ScriptKind.UNSEAL: lambda: _("Key that is opened"),
    ScriptKind.SEAL: lambda: _("Key that is closed"),
    ScriptKind.BACKUP: lambda: _("Key that is backed up"),
    ScriptKind.RESTORE: lambda: _("Key that is restored"),
    ScriptKind.RESTORE_DRILL: lambda: _("Key that is tried"),
    ScriptKind.MODEL_KEY_DESTRUCTION: lambda: _("Key that is destroyed"),
    ScriptKind.KEY_IMPORT: lambda: _("Key that is imported"),
    ScriptKind.HSM_REPLACEMENT: lambda: _("Key that is moved"),
    ScriptKind.CUSTODIAN_CHANGE: lambda: _("Shares that are made"),
    ScriptKind.OFFICER_KEY_LOSS: lambda: _("Shares that are made"),
}


def made_by(plan: Plan, models: int | None) -> Made:
    """`models`: how many the KEK protects; None: nobody here knows."""
    title = _TITLES.get(plan.kind, lambda: _("Key that is made"))()
    profile = plan.kek_profile
    exportable = {
        KekProfile.NEVER_EXTRACTABLE: _("No"),
        KekProfile.RECOVERABLE: _("Only to the backup key"),
    }
    rows = [
        (_("Token"), plan.token),
        (_("Type"), _("AES-256, wraps keys only")),
        (_("Exportable"), exportable[profile] if profile else _("As it was made")),
    ]
    rows += [
        (_("Shares, {use}").format(use=use_word(use)), scheme_text(scheme))
        for use, scheme in plan.shares.items()
    ]
    rows.append((_("Protects"), _protects(plan, models)))
    return Made(title, tuple(rows))


def _protects(plan: Plan, models: int | None) -> str:
    if plan.rehearsal:
        return _("Nothing: a rehearsal")
    if plan.founding is not None:
        return _("Every model sealed from now on")
    if models is None:
        return _("Every model of this authority")
    return n_("{count} model", "{count} models", models)


def left_state(kind: ScriptKind, done: int) -> str:
    """What an abort leaves behind, said before it is confirmed."""
    if done == 0:
        return _("Nothing was made yet. The record says that it was aborted, and by whom.")
    texts = {
        ScriptKind.GENESIS: _(
            "No authority is founded. The token that was made stays with its PINs unknown to "
            "anybody: initialise it before another try. Shares that were handed out are worth "
            "nothing."
        ),
        ScriptKind.UNSEAL: _("The keyholder stays sealed."),
        ScriptKind.KEK_ROTATION: _(
            "Models that are wrapped under the new KEK stay so, the others under the old one. "
            "Both KEKs stay in the token, and every model opens. Rotate again to finish."
        ),
        ScriptKind.BACKUP: _("The KEK is untouched. A backup that was not proved is no backup."),
        ScriptKind.RESTORE_DRILL: _("The throw-away token is destroyed. Nothing else is touched."),
    }
    return texts.get(
        kind,
        _("What the finished steps did stays done; the record says which. Nothing is half-made."),
    )


def people_needed(plan: Plan) -> str:
    """Like `user PIN 3 of 5, SO PIN 2 of 3`."""
    return ", ".join(
        f"{use_word(use)} {scheme_text(scheme)}" for use, scheme in plan.shares.items()
    )


def least_officers(scheme: ShareScheme) -> int:
    return scheme_missing(scheme, ())
