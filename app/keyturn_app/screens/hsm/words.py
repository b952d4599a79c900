"""What the HSM page calls things, and how they look. No Qt in here."""

from keyturn.ceremony.tokeninventory import KeyOrigin, KeyProfile, KeyState
from keyturn.ceremony.tokenreport import Level, TokenAssurance
from keyturn_app.i18n import _
from keyturn_app.states import Look


def state_look(state: KeyState) -> Look:
    """NIST SP 800-57 part 1, §7."""
    return {
        KeyState.PRE_ACTIVATION: Look(_("Pre-activation"), "pending", "circle-dashed"),
        KeyState.ACTIVE: Look(_("Active"), "ok", "circle-check"),
        KeyState.DEACTIVATED: Look(_("Deactivated"), "stale", "history"),
        KeyState.DESTROYED: Look(_("Destroyed"), "wiped", "eraser"),
    }[state]


def state_text(state: KeyState) -> str:
    return {
        KeyState.PRE_ACTIVATION: _("Made; no DEK is wrapped under it yet."),
        KeyState.ACTIVE: _("DEKs are wrapped under it."),
        KeyState.DEACTIVATED: _("Opens what was wrapped under it, and wraps nothing more."),
        KeyState.DESTROYED: _(
            "Not on this token any more. What copies of the token hold, nobody can see from here."
        ),
    }[state]


def profile_word(profile: KeyProfile) -> str:
    return {
        KeyProfile.NEVER_EXTRACTABLE: _("Never extractable"),
        KeyProfile.RECOVERABLE: _("Recoverable"),
    }[profile]


def profile_text(profile: KeyProfile) -> str:
    return {
        KeyProfile.NEVER_EXTRACTABLE: _(
            "It leaves the token in no form, and is in no backup: with the token, every model "
            "sealed under it is lost."
        ),
        KeyProfile.RECOVERABLE: _(
            "It leaves the token wrapped to a backup key that the security officer trusted, and "
            "in no other form: who has backup and backup secret has it."
        ),
    }[profile]


def origin_word(origin: KeyOrigin) -> str:
    return {
        KeyOrigin.MADE: _("Made on this token"),
        KeyOrigin.RESTORED: _("Restored from a backup"),
        KeyOrigin.IMPORTED: _("Imported from another HSM"),
    }[origin]


def level_look(level: Level) -> Look:
    return {
        Level.GREEN: Look(_("Green"), "ok", "circle-check"),
        Level.AMBER: Look(_("Amber"), "stale", "triangle-alert"),
        Level.RED: Look(_("Red"), "danger", "octagon-x"),
    }[level]


def assurance_look(assurance: TokenAssurance) -> Look:
    return {
        TokenAssurance.SOFTWARE: Look(_("Software"), "stale", "triangle-alert"),
        TokenAssurance.HARDWARE: Look(_("Hardware"), "ok", "microchip"),
    }[assurance]


def worth(assurance: TokenAssurance) -> str:
    """What the token's word about its keys is worth (I1)."""
    return {
        TokenAssurance.SOFTWARE: _(
            "Software assurance: attributes are what a program reads from its files. One changed "
            "byte there makes a key extractable, and these lines may not show it."
        ),
        TokenAssurance.HARDWARE: _(
            "The token calls itself hardware, and nobody attested that to Keyturn."
        ),
    }[assurance]


def key_name(label: str, *, in_software: bool = False) -> str:
    """By the label on the token; another label stays as it is."""
    if in_software:
        return _("Software log key")
    return {
        "keyturn-ingest": _("Ingest key"),
        "keyturn-log": _("Log key"),
        "keyturn-result": _("Result key"),
        "keyturn-backup": _("Backup key"),
    }.get(label, label)


def software_log_key_text() -> str:
    return _(
        "The token does not sign with Ed25519: it keeps this key wrapped, and the workers hold it "
        "in memory. Whoever reads that, or is logged in to the token, has it."
    )


def part_word(part: str) -> str:
    return {
        "private": _("Private half"),
        "public": _("Public half"),
        "wrapped": _("Wrapped on the token"),
    }.get(part, part)


def short(key_id: str) -> str:
    """The first digits of an id, for a picture."""
    return key_id[:8]
