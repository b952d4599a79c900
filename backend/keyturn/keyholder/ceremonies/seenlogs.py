"""Is this host's log all that custodians have seen of it? (our protocol §10.7)

A log's directory that was put back to an older state is whole by itself. What entries it lacks only
those know who have seen them: here every share at a restore or a drill says what its custodian has.
"""

from collections.abc import Iterable

from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.records import Event
from keyturn.ceremony.seencheckpoint import ANY, may_enter_seen, read_seen
from keyturn.ceremony.steps import StepSignature, parse_step_signature
from keyturn.keyholder.ceremonies.site import Site
from keyturn.keyholder.logdisk_errors import LogRolledBack

_SIGNED = frozenset({Event.DONE, Event.FAILED})
"""Records with signatures of steps; those of others are a plan, and words."""


def check_seen(course: Course, signature: StepSignature, site: Site) -> None:
    """Before anything of a share is kept. What is entered elsewhere the script's fields say.

    Raises CeremonyRefused, MalformedCeremony.
    """
    if may_enter_seen(course.plan, signature):
        _check_extends(signature, site)


def check_all_seen(course: Course, site: Site) -> None:
    """Of every signature in the records, of steps that failed too: before the log goes on.

    Raises CeremonyRefused.
    """
    for each in _signatures(course):
        if may_enter_seen(course.plan, each):
            _check_extends(each, site)


def _signatures(course: Course) -> Iterable[StepSignature]:
    tried = (each for each in course.records if each.event in _SIGNED)
    return (parse_step_signature(raw) for record in tried for raw in record.signed)


def _check_extends(signature: StepSignature, site: Site) -> None:
    journal = site.journal
    seen = read_seen(signature.entered, journal.origin if journal is not None else ANY)
    if seen is None:
        return
    if journal is None:
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "this host has no log",
            found="no log",
            expected=f"one of at least {seen.size} entries",
        )
    try:
        journal.log.check_extends(seen)
    except LogRolledBack as error:
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            f"this host's log is not what {signature.officer} has seen: {error.message}",
            found=error.found,
            expected=error.expected,
            hint="Stop. Abort, find the newest copy of the log (other machines, auditors and"
            " witnesses have one), and begin again with that.",
        ) from error
