"""A ceremony on a terminal and as JSON: what was verified, and what is the host's word."""

from rich.table import Table

from keyturn.base.times import format_time
from keyturn.ceremony.course import Course, CourseState
from keyturn.ceremony.hostphrase import host_phrase
from keyturn.ceremony.keyfacts import SOFTWARE_LOG_KEY
from keyturn.ceremony.script import Part, Step
from keyturn.ceremony.sharesets import ShareSet, needed_text
from keyturn.cli.output import stderr, stdout
from keyturn.client.ceremonies import Followed
from keyturn.client.ceremonytrust import TrustedHost, key_fingerprint
from keyturn.quorum.bodies import Body, Keys
from keyturn.quorum.roster import Roster
from keyturn.wire.ceremonies import CeremonyList, Waiting

REHEARSAL = "REHEARSAL: nothing here has an effect outside"


def warn_rehearsal(rehearsal: bool) -> None:
    if rehearsal:
        stderr.print(REHEARSAL, style="bold yellow", markup=False)


def print_body(body: Body) -> None:
    """What a signature is given for: who has which part, or which keys are named."""
    if isinstance(body, Roster):
        for officer in body.officers.values():
            roles = ", ".join(sorted(role.value for role in officer.roles))
            stdout.print(f"  {officer.id}: {roles}", markup=False)
    if isinstance(body, Keys):
        for purpose, key in body.keys.items():
            held = f", a {SOFTWARE_LOG_KEY}" if key.in_software else ""
            stdout.print(
                f"  {purpose.value} key: {key.algorithm.value} {key.key_id[:16]}…{held}",
                markup=False,
            )


def list_document(found: CeremonyList) -> dict[str, object]:
    """Of what the host says: nothing here is verified."""
    return {
        "ceremonies": [
            {
                "ceremony": each.ceremony,
                "kind": each.kind,
                "rehearsal": each.rehearsal,
                "state": each.state.value,
                "step": each.step,
                "seq": each.seq,
                "opened": each.opened,
            }
            for each in found.ceremonies
        ]
    }


def print_list(found: CeremonyList) -> None:
    table = Table("ceremony", "kind", "state", "step", "records", "opened")
    for each in found.ceremonies:
        kind = f"{each.kind} (REHEARSAL)" if each.rehearsal else each.kind
        row = (each.ceremony, kind, each.state.value, each.step or "", str(each.seq + 1))
        table.add_row(*row, each.opened)
    stdout.print(table)


def ceremony_document(followed: Followed) -> dict[str, object]:
    """Everything that was verified of a ceremony; what is the host's word stands in `waiting`."""
    course, plan, looked = followed.course, followed.plan, followed.verified.looked_at
    return {
        "ceremony": plan.ceremony,
        "kind": plan.kind.value,
        "title": course.script.title,
        "rehearsal": plan.rehearsal,
        "state": course.state.value,
        "authority": followed.verified.authority,
        "pinned": looked.pinned,
        "token": plan.token,
        "kek_profile": plan.kek_profile.value if plan.kek_profile else None,
        "people": {
            "administrator": plan.administrator,
            "witness": plan.witness,
            "scribe": plan.scribe,
            "shares": {
                use.value: {"needed": needed_text(scheme), "officers": list(scheme.officers)}
                for use, scheme in plan.shares.items()
            },
        },
        "steps": [_step_document(course, step) for step in course.script.steps],
        "records": len(course.records),
        "digest": course.last_digest,
        "phrase": course.phrase,
        "exceptions": len(followed.verified.exceptions),
        "failures": [
            {"step": each.step.id, "reason": each.failed.reason.value, "left": each.failed.left}
            for each in followed.verified.failures
        ],
        "share_sets": [_set_document(each) for each in followed.share_sets],
        "waiting": _waiting_document(followed, followed.waiting),
    }


def host_document(host: TrustedHost) -> dict[str, object]:
    document = host.document
    return {
        "authority": document.authority,
        "boot": document.boot,
        "key": key_fingerprint(document),
        "log_size": document.size,
        "signed": host.signed,
        "words": host_phrase(document.key),
        "caveats": list(host.caveats),
        "time": format_time(document.time),
    }


def print_ceremony(followed: Followed) -> None:
    course, plan = followed.course, followed.plan
    warn_rehearsal(plan.rehearsal)
    head = f"{course.script.title} {plan.ceremony}: {course.state.value}"
    stdout.print(head, markup=False, style="bold")
    if not followed.verified.looked_at.pinned:
        stdout.print("No authority is pinned here: compare the officers of the plan yourself.")
    people = f"administrator {plan.administrator}, witness {plan.witness}"
    stdout.print(people + (f", scribe {plan.scribe}" if plan.scribe else ""), markup=False)
    for use, scheme in plan.shares.items():
        officers = ", ".join(scheme.officers)
        stdout.print(f"{use.value} shares, {needed_text(scheme)}: {officers}", markup=False)
    table = Table("step", "", "what")
    for step in course.script.steps:
        table.add_row(step.id, _mark(course, step), step.title)
    stdout.print(table)
    stdout.print(f"{len(course.records)} records verified, last {course.last_digest}", markup=False)
    stdout.print(f"Words of the last record: {course.phrase}", markup=False)
    _print_waiting(followed)


def print_step(step: Step) -> None:
    stdout.print(step.title, markup=False, style="bold")
    stdout.print(step.says, markup=False)


def print_host(host: TrustedHost) -> None:
    stderr.print(f"Host key: {key_fingerprint(host.document)}", markup=False)
    stderr.print(f"Its words: {host_phrase(host.document.key)}", markup=False)
    for each in host.caveats:
        stderr.print(f"Caveat: {each}", style="yellow", markup=False)
    if host.compared is not None:
        stderr.print("You compared its words: that is recorded with your share.", style="yellow")
    elif not host.signed:
        stderr.print(
            "Nothing signs this host's key: only a person at that machine can know it is the one.",
            style="yellow",
            markup=False,
        )


def waits_for(followed: Followed) -> list[tuple[Part, str]]:
    """(part, officer) of those who could sign next and, by the host's word, have not."""
    waiting = followed.waiting
    if waiting is None:
        return []
    signed = set(waiting.signed)
    return [
        (need.part, officer)
        for need in followed.course.needs()
        for officer in need.officers
        if (officer, need.part.value) not in signed
    ]


def _print_waiting(followed: Followed) -> None:
    waiting, step = followed.waiting, followed.course.step
    if waiting is None or step is None:
        return
    stdout.print(f"Waits for: {step.title}", markup=False)
    for need in followed.course.needs():
        signed = [who for who, part in waiting.signed if part == need.part.value]
        officers = ", ".join(need.officers)
        text = f"  {need.part.value}: {len(signed)} of {need.least} signed ({officers})"
        stdout.print(text, markup=False)
    if waiting.progress is not None:
        progress = waiting.progress
        stdout.print(f"  {progress.what}: {progress.done} of {progress.total}", markup=False)
    if waiting.interrupted:
        stdout.print("  INTERRUPTED: the administrator or the witness resumes it", style="yellow")
    if waiting.unmet:
        uses = ", ".join(each.value for each in waiting.unmet)
        stdout.print(f"  LOCKED: custodians enter shares first: {uses}", style="yellow")


def _mark(course: Course, step: Step) -> str:
    steps = course.script.steps
    place, done = steps.index(step), len(course.done)
    if place < done:
        return "done"
    return "next" if place == done and course.state is CourseState.RUNNING else ""


def _step_document(course: Course, step: Step) -> dict[str, object]:
    return {
        "step": step.id,
        "title": step.title,
        "state": _mark(course, step) or "later",
        "action": step.action.value,
    }


def _set_document(share_set: ShareSet) -> dict[str, object]:
    return {
        "use": share_set.use.value,
        "id": share_set.identifier,
        "needed": needed_text(share_set),
        "members": [
            {"officer": each.officer, "number": number, "check": each.check}
            for number, each in enumerate(share_set.members, start=1)
        ],
    }


def _waiting_document(followed: Followed, waiting: Waiting | None) -> dict[str, object] | None:
    step = followed.course.step
    if waiting is None or step is None:
        return None
    return {
        "step": step.id,
        "title": step.title,
        "says": step.says,
        "seq": waiting.seq,
        "previous": waiting.previous,
        "attaches": step.attaches.value,
        "entered": [
            {
                "name": each.name,
                "kind": each.kind.value,
                "label": each.label,
                "part": each.part.value,
                "required": each.required,
            }
            for each in step.entered
        ],
        "needs": [
            {
                "part": need.part.value,
                "many": need.signers.many.value,
                "shares": [use.value for use in need.signers.shares],
                "officers": list(need.officers),
                "least": need.least,
            }
            for need in followed.course.needs()
        ],
        "signed": [{"officer": officer, "part": part} for officer, part in waiting.signed],
        "left": [{"officer": who, "part": part.value} for part, who in waits_for(followed)],
        "boxes": [{"officer": each.officer, "use": each.use} for each in waiting.boxes],
        "shares_entered": [{"use": use, "officer": who} for use, who in waiting.entered],
        "interrupted": waiting.interrupted,
        "unmet": [each.value for each in waiting.unmet],
        "progress": waiting.progress.document() if waiting.progress else None,
    }
