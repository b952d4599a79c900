"""A ceremony afterwards, from its transcript alone: proved, printed, and the scripts to read.

Needs no server: what is not in the file, or given beside it, is said not to be looked at.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.base.encoding import digest_of, parse_digest
from keyturn.base.strictjson import load_object
from keyturn.base.times import format_time
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.kinds import SCRIPTS, is_known
from keyturn.ceremony.minutes import REHEARSAL, Minutes, make_minutes
from keyturn.ceremony.minuteswords import PARTS, STATES
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.records import MAX_TRANSCRIPT
from keyturn.ceremony.script import MAX_SCRIPT, Script, ScriptKind, Signers
from keyturn.ceremony.sessionminutes import make_session_minutes
from keyturn.ceremony.sessions import VerifiedSession, is_session, verify_session
from keyturn.ceremony.steps import StepSignature
from keyturn.ceremony.transcript import (
    LookedAt,
    StepDone,
    StepFailed,
    Verified,
    WordSaid,
    parse_transcript,
    verify_transcript,
)
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.profile import AsJson, warn_simulated
from keyturn.client.minutes import minutes_pdf
from keyturn.client.offline import read_file, write_new_file
from keyturn.quorum.bundle import MAX_BUNDLE

File = Annotated[Path, typer.Argument(help="The transcript's file.")]
Pin = Annotated[str | None, typer.Option("--fingerprint", help="Of the authority that you know.")]
Beside = Annotated[
    Path | None,
    typer.Option("--bundle", help="The authority's bundle (default: the transcript's own)."),
]
AnyScript = Annotated[
    bool,
    typer.Option("--any-script", help="Take a script that this release does not have: read it."),
]


def add_to(app: typer.Typer) -> None:
    """Add these to `keyturn ceremony`."""
    app.command()(verify)
    app.command()(minutes)
    app.command()(scripts)


def verify(
    file: File,
    fingerprint: Pin = None,
    bundle: Beside = None,
    any_script: AnyScript = False,
    as_json: AsJson = False,
) -> None:
    """Prove a transcript: its chain, script, people, every signature and, where it can, the log."""
    with errors_explained(as_json=as_json):
        found = _proved(file, fingerprint, bundle)
        _check_script(found, any_script=any_script)
        if as_json:
            print_json(_document(found))
            return
        _warn(found)
        if isinstance(found, VerifiedSession):
            _print_session(found)
        else:
            _print(found)


def minutes(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="PDF to write; must be new.")],
    fingerprint: Pin = None,
    bundle: Beside = None,
    as_json: AsJson = False,
) -> None:
    """Prove a transcript, and print its minutes as a PDF: the same bytes each time."""
    with errors_explained(as_json=as_json):
        found = _proved(file, fingerprint, bundle)
        told = _minutes(found)
        pdf = minutes_pdf(told)
        write_new_file(output, pdf)
        if as_json:
            print_json({"file": str(output), "digest": digest_of(pdf), "transcript": found.digest})
            return
        _warn(found)
        stdout.print(f"Minutes of {told.ceremony}: {output}", markup=False)


def scripts(
    kind: Annotated[ScriptKind | None, typer.Argument(help="Which (default: list them).")] = None,
    as_json: AsJson = False,
) -> None:
    """The scripts of ceremonies: list them, or read one, step by step."""
    with errors_explained(as_json=as_json):
        if kind is None:
            _list_scripts(as_json)
            return
        script = SCRIPTS[kind]
        if as_json:
            document = load_object(script.to_bytes(), limit=MAX_SCRIPT, what="script")
            print_json({"digest": script.digest, "script": document})
            return
        _print_script(script)


def verified_document(found: Verified) -> dict[str, object]:
    """What was proved, for machines."""
    course, plan = found.course, found.plan
    return {
        "verified": True,
        "ceremony": plan.ceremony,
        "kind": plan.kind.value,
        "rehearsal": plan.rehearsal,
        "simulated": course.roster.simulation,
        "state": course.state.value,
        "authority": found.authority,
        "digest": found.digest,
        "phrase": phrase_of(found.digest),
        "records": len(course.records),
        "opened": format_time(course.records[0].time),
        "last": format_time(course.last.time),
        "administrator": plan.administrator,
        "witness": plan.witness,
        "scribe": plan.scribe,
        "token": plan.token,
        "kek_profile": plan.kek_profile.value if plan.kek_profile else None,
        "steps": [_step_document(each) for each in found.done],
        "failures": [
            {
                "seq": each.record.seq,
                "step": each.step.id,
                "reason": each.failed.reason.value,
                "found": each.failed.found,
                "expected": each.failed.expected,
                "left": each.failed.left,
            }
            for each in found.failures
        ],
        "words": [
            {
                "seq": each.record.seq,
                "word": each.said.word.value,
                "officer": each.said.officer,
                "text": each.said.text,
            }
            for each in found.words
        ],
        "looked_at": _looked_at(found.looked_at),
    }


def _step_document(done: StepDone) -> dict[str, object]:
    return {
        "seq": done.record.seq,
        "step": done.step.id,
        "time": format_time(done.record.time),
        "record": done.record.digest,
        "signed": _signed(done.signatures),
        "facts": done.record.facts,
    }


def session_document(found: VerifiedSession) -> dict[str, object]:
    """As `verified_document`, of an unsealing or a sealing."""
    return {
        "verified": True,
        "ceremony": found.ceremony,
        "kind": found.script.kind.value,
        "rehearsal": False,
        "simulated": found.roster.simulation,
        "state": CourseState.DONE.value,
        "authority": found.authority,
        "digest": found.digest,
        "phrase": phrase_of(found.digest),
        "records": 2,
        "opened": format_time(found.first.time),
        "last": format_time(found.done.time),
        "signed": _signed(found.signatures),
        "facts": found.done.facts,
        "looked_at": _looked_at(found.looked_at),
    }


def _signed(signatures: Sequence[StepSignature]) -> list[dict[str, object]]:
    return [
        {"officer": each.officer, "part": each.part.value, "time": format_time(each.time)}
        for each in signatures
    ]


def _looked_at(looked: LookedAt) -> dict[str, object]:
    log = looked.log
    return {
        "pinned": looked.pinned,
        "bundle": looked.bundle,
        "log": log
        and {"origin": log.origin, "first": log.first, "last": log.last, "size": log.size},
    }


def _proved(file: Path, fingerprint: str | None, bundle: Path | None) -> Verified | VerifiedSession:
    pin = parse_digest(fingerprint, what="fingerprint") if fingerprint is not None else None
    transcript = parse_transcript(read_file(file, MAX_TRANSCRIPT))
    if bundle is not None:
        transcript = replace(transcript, bundle=read_file(bundle, MAX_BUNDLE))
    return (verify_session if is_session(transcript) else verify_transcript)(transcript, pin)


def _check_script(found: Verified | VerifiedSession, *, any_script: bool) -> None:
    """Raises CeremonyRefused."""
    script = found.script if isinstance(found, VerifiedSession) else found.course.script
    if not any_script and not is_known(script):
        raise CeremonyRefused(
            CeremonyReason.WRONG_SCRIPT,
            "the transcript holds, by a script that this release does not have",
            found=script.digest,
            expected=SCRIPTS[script.kind].digest,
            hint="It may ask fewer people for less. Verify it with the release that held it, or"
            " read it (keyturn ceremony minutes) and add --any-script.",
        )


def _document(found: Verified | VerifiedSession) -> dict[str, object]:
    if isinstance(found, VerifiedSession):
        return session_document(found)
    return verified_document(found)


def _minutes(found: Verified | VerifiedSession) -> Minutes:
    if isinstance(found, VerifiedSession):
        return make_session_minutes(found)
    return make_minutes(found)


def _warn(found: Verified | VerifiedSession) -> None:
    if isinstance(found, VerifiedSession):
        warn_simulated(found.roster.simulation)
        return
    if found.rehearsal:
        stderr.print(f"{REHEARSAL}: it had no effect outside", style="bold yellow", markup=False)
    warn_simulated(found.course.roster.simulation)


def _print_session(found: VerifiedSession) -> None:
    told = make_session_minutes(found)
    stdout.print(f"{told.title} {found.ceremony}", style="bold", markup=False)
    facts = Table(show_header=False, box=None)
    for label, value in (*told.summary, ("Digest", told.digest), ("In words", told.phrase)):
        facts.add_row(f"[bold]{label}[/bold]", escape(value))
    stdout.print(facts)
    for each in found.signatures:
        line = f"signed by {each.officer} ({each.part.value}) at {format_time(each.time)}"
        stdout.print(line, markup=False)
    for point in told.sections[-1].points:
        stdout.print(f"- {point}", markup=False)
    stdout.print("The transcript holds.", style="green", markup=False)


def _print(found: Verified) -> None:
    course, plan = found.course, found.plan
    stdout.print(f"{course.script.title} {plan.ceremony}", style="bold", markup=False)
    facts = Table(show_header=False, box=None)
    for label, value in (
        ("outcome", STATES[course.state]),
        ("authority", found.authority or "none was founded"),
        ("digest", found.digest),
        ("in words", phrase_of(found.digest)),
    ):
        facts.add_row(f"[bold]{label}[/bold]", escape(value))
    stdout.print(facts)
    table = Table("no.", "time", "what", "signed by")
    for each in found.happened:
        title, signers = _row(each)
        record = each.record
        table.add_row(str(record.seq), format_time(record.time), escape(title), escape(signers))
    stdout.print(table)
    section = make_minutes(found).sections[-1]
    for point in section.points:
        stdout.print(f"- {point}", markup=False)
    done = course.state is CourseState.DONE
    words = "The transcript holds." if done else "What there is of the transcript holds."
    stdout.print(words, style="green" if done else "yellow", markup=False)


def _row(happened: StepDone | StepFailed | WordSaid) -> tuple[str, str]:
    if isinstance(happened, WordSaid):
        said = happened.said
        return f"{said.word.value}: {said.text}", f"{said.officer} ({said.part.value})"
    failed = " FAILED" if isinstance(happened, StepFailed) else ""
    signers = ", ".join(f"{each.officer} ({each.part.value})" for each in happened.signatures)
    return happened.step.id + failed, signers


def _list_scripts(as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "scripts": [
                    {
                        "kind": kind.value,
                        "revision": each.revision,
                        "title": each.title,
                        "digest": each.digest,
                    }
                    for kind, each in SCRIPTS.items()
                ]
            }
        )
        return
    table = Table("kind", "revision", "title", "digest")
    for kind, each in SCRIPTS.items():
        table.add_row(kind.value, str(each.revision), each.title, each.digest)
    stdout.print(table)


def _print_script(script: Script) -> None:
    stdout.print(f"{script.title}, revision {script.revision}", style="bold", markup=False)
    stdout.print(script.digest, markup=False)
    stdout.print(f"\n{script.purpose}", markup=False)
    for place, step in enumerate(script.steps, start=1):
        stdout.print(f"\n{place}. {step.title}", style="bold", markup=False)
        stdout.print(step.says, markup=False)
        for field in step.entered:
            need = "" if field.required else ", or nothing"
            stdout.print(f"   {field.part.value} enters: {field.label}{need}", markup=False)
        signers = "; ".join(_signers(each) for each in step.signers)
        stdout.print(f"   Signed by: {signers}", markup=False)


def _signers(signers: Signers) -> str:
    uses = " and ".join(each.value for each in signers.shares)
    many = {"one": "", "each": "every ", "quorum": "a quorum of "}[signers.many.value]
    shares = f" of {uses} shares" if uses else ""
    plural = "s" if signers.many.value == "quorum" else ""
    return f"{many}{PARTS[signers.part].lower()}{plural}{shares}"
