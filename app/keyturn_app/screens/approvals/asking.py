"""The questions before a signature: what is signed, and what follows from it. No Qt."""

from keyturn.quorum.bodies import Revocation
from keyturn.quorum.kinds import Kind
from keyturn_app import wording
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Confirm, Notice, Weight
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.consequences import (
    stopped,
    suspended,
    suspended_names,
    suspension_words,
)
from keyturn_app.screens.approvals.naming import kind_word, subject_word
from keyturn_app.screens.approvals.previewing import ToSign
from keyturn_app.screens.approvals.viewmodel import Changes


def named(case: Case) -> str:
    """Like `Policy serving, version 2`."""
    return _("{kind} {subject}, version {version}").format(
        kind=kind_word(case.statement.kind),
        subject=subject_word(case),
        version=case.statement.version,
    )


def approve_question(
    case: Case, facts: Facts, changes: Changes, signed: ToSign | None = None
) -> Confirm:
    """What stops production must be typed. `signed`: of the impact preview."""
    stops, suspends = _stops(case, facts), _suspends(case)
    danger = bool(suspends) or case.statement.kind is Kind.REVOCATION
    shown = () if signed is None else (signed.text, *_digest(signed), *signed.outcome)
    return Confirm(
        _("Approve this proposal?"),
        _(
            "{what}. Your key signs this digest. "
            "You may still reject later; the approval stays on record."
        ).format(what=named(case)),
        _("Sign approval"),
        details=(
            wording.grouped(case.digest),
            _count(changes),
            _after(case),
            *shown,
            *stops,
            *suspends,
        ),
        typed=_typed(case) if stops else None,
        weight=Weight.DANGER if danger else Weight.PLAIN,
    )


def reject_question(case: Case) -> Confirm:
    return Confirm(
        _("Reject this proposal?"),
        _("{what}. Your key signs the rejection: it stands, and you cannot approve later.").format(
            what=named(case)
        ),
        _("Sign rejection"),
        details=(wording.grouped(case.digest),),
        weight=Weight.DANGER,
    )


def not_signed(why: str) -> Notice:
    """The officer said yes, and by then it could no longer be done."""
    return Notice(_("Nothing was signed"), why)


def withdraw_question(case: Case) -> Confirm:
    return Confirm(
        _("Withdraw your proposal?"),
        _("{what}. The keyholder logs it, and this digest is ended for ever.").format(
            what=named(case)
        ),
        _("Withdraw"),
        details=(wording.grouped(case.digest),),
        weight=Weight.DANGER,
        comment=_("Reason"),
        comment_required=True,
    )


def preview_changed(signed: ToSign | None) -> Notice:
    """The officer said yes to something else than would be signed now."""
    text = _("The impact preview is another one than you were asked about: look at it again.")
    if signed is not None and signed.wait:
        text = _("The impact preview was too old by then: it is simulated again.")
    return not_signed(text)


def _digest(signed: ToSign) -> tuple[str, ...]:
    return () if signed.digest is None else (wording.grouped(signed.digest),)


def _count(changes: Changes) -> str:
    if [each.place for each in changes.rows] == ["expires"]:
        return _("Nothing but its time changes: it expires {when}.").format(
            when=changes.rows[0].after
        )
    if changes.before_title:
        return n_("{count} change", "{count} changes", len(changes.rows))
    return n_("{count} place, all new", "{count} places, all new", len(changes.rows))


def _after(case: Case) -> str:
    have = len(case.approved_by) + 1
    text = _("With yours {have} of {needed} approve.").format(have=have, needed=case.needed)
    if have < case.needed:
        return text
    return text + " " + _("The keyholder is then asked to bring it into force.")


def _stops(case: Case, facts: Facts) -> tuple[str, ...]:
    body = case.statement.body
    if not isinstance(body, Revocation):
        return ()
    nodes = stopped(body, case, facts)
    if nodes is None:
        return (_("Which nodes would stop is not known."),)
    if not nodes:
        return ()
    return (
        n_("{count} node stops serving.", "{count} nodes stop serving.", len(nodes)),
        _("Nothing returns by itself."),
    )


def _suspends(case: Case) -> tuple[str, ...]:
    found = suspended(case)
    if found is None:
        return (_("What this suspends is not known without the log."),)
    return (suspension_words(found), *suspended_names(found)) if found else ()


def _typed(case: Case) -> str:
    """Short enough to type: a digest's first digits, of other long names the last ones.

    Of a name that no keyboard has, the proposal's own digits: it must be possible to revoke it.
    """
    target = case.statement.subject.partition(":")[2]
    if not (target.isascii() and target.isprintable() and target == target.strip()):
        return case.digest.removeprefix("sha256:")[:8]
    if len(target) <= 24:
        return target
    digits = target.removeprefix("sha256:")
    return digits[:8] if digits != target else target[-8:]
