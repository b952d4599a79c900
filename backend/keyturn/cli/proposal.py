"""`keyturn proposal`: propose, read, approve, reject, withdraw; over the network or by file."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.encoding import parse_digest
from keyturn.base.strictjson import load_object
from keyturn.cli.carrying import Given, confirm, decide_offline, read, write
from keyturn.cli.expiries import add_commands, show_expiring
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.previewing import Shown
from keyturn.cli.profile import (
    AsJson,
    Desk,
    PassphraseFd,
    ProfileDir,
    at_desk,
    now,
    warn_simulated,
)
from keyturn.cli.rosteredits import (
    Apart,
    MayApprove,
    MayNotApprove,
    RemoveKey,
    Require,
    SetRole,
    Threshold,
    Together,
    edit_of,
)
from keyturn.cli.rostering import (
    Compromised,
    DropWitness,
    Enrol,
    Fresh,
    Remove,
    Request,
    RosterChange,
    WitnessesNeeded,
    WitnessKeys,
    chosen_kind,
    effects_of,
    print_effects,
    witness_change,
)
from keyturn.cli.showing import (
    change_documents,
    print_proposal,
    print_proposals,
    proposal_document,
)
from keyturn.client.changes import body_of, changes_of
from keyturn.client.examples import example
from keyturn.client.offline import (
    read_file,
)
from keyturn.client.proposals import Proposal
from keyturn.quorum.approvals import Decision
from keyturn.quorum.expiry import WARNING
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.statements import SINGLE_SUBJECTS

app = typer.Typer(help="Changes of authority.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Digest, or its first digits.")]
Reason = Annotated[str, typer.Option(help="Why; every officer will read it.")]
Lapses = Annotated[
    int, typer.Option("--lapses-hours", min=1, max=168, help="Hours to gather approvals.")
]
Ticket = Annotated[str | None, typer.Option(help="Reference to your own records.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you are sure.")]
PreviewFile = Annotated[
    Path | None,
    typer.Option("--preview", help="The impact preview that you looked at, as a file."),
]
NoPreview = Annotated[
    bool, typer.Option("--no-preview", help="Sign without naming an impact preview.")
]
Comment = Annotated[str, typer.Option(help="Written into the signed record.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; must be new.")]
Pictures = Annotated[
    list[Path] | None,
    typer.Option("--qr", help="PNG picture of a part, or a directory of them; again for more."),
]
PicturesOut = Annotated[
    Path | None, typer.Option("--qr-out", help="Directory to write the signed one as pictures to.")
]
MAX_BODY = 1 << 20

add_commands(app)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="proposal")


@app.command()
def new(
    reason: Reason,
    word: Annotated[Kind | None, typer.Argument(metavar="[KIND]", help="As --kind.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What is to change.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Its subject, for example a policy's id.")
    ] = None,
    body: Annotated[Path | None, typer.Option(help="JSON file with the new body.")] = None,
    enrol: Enrol = None,
    request: Request = None,
    remove: Remove = None,
    compromised: Compromised = None,
    witness: WitnessKeys = None,
    drop_witness: DropWitness = None,
    witnesses_needed: WitnessesNeeded = None,
    fresh: Fresh = None,
    remove_key: RemoveKey = None,
    role: SetRole = None,
    threshold: Threshold = None,
    proposer_may_approve: MayApprove = None,
    proposer_may_not_approve: MayNotApprove = None,
    apart: Apart = None,
    together: Together = None,
    require: Require = None,
    expires_days: Annotated[int, typer.Option(min=1, max=400, help="Days in force.")] = 90,
    lapses_hours: Lapses = 72,
    ticket: Ticket = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Sign a new statement and post it for approval.

    A roster's body need not be written by hand: --enrol adds one officer, --remove takes some
    away, --compromised suspends what rested on their keys; --role, --threshold, --require,
    --apart and --proposer-may-approve change who may do what; --witness, --drop-witness,
    --witnesses-needed and --fresh say who has to cosign the log before anything is released.
    """
    edit = edit_of(
        role,
        threshold,
        proposer_may_approve,
        proposer_may_not_approve,
        apart,
        together,
        require,
        remove_key,
    )
    with errors_explained(as_json=as_json):
        witnesses = witness_change(witness, drop_witness, witnesses_needed, fresh)
    gone, lost = tuple(remove or ()), tuple(compromised or ())
    change = RosterChange(enrol, gone, lost, witnesses, edit, request)
    chosen = chosen_kind(word, kind, subject, body, change)
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        if body is not None:
            document = load_object(read_file(body, MAX_BODY), limit=MAX_BODY, what=str(body))
        else:
            document, ticket = change.body(desk.client, ticket, now())
        proposal = desk.client.propose_change(
            chosen,
            subject or SINGLE_SUBJECTS[chosen],
            document,
            reason=reason,
            life=timedelta(days=expires_days),
            lapses=timedelta(hours=lapses_hours),
            ticket=ticket,
        )
        _report(desk, proposal, as_json)


@app.command("example")
def show_example(
    kind: Annotated[Kind, typer.Argument(help="Of what kind of statement.")],
    subject: Annotated[str, typer.Option(help="Its subject, where the body names it.")] = "",
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Print a body to be filled in for `new --body`: what is in force, or the kind's shape."""
    with at_desk(profile, passphrase_fd, as_json=False) as desk:
        state = desk.client.state()
        newest = state.newest.get((kind, subject or SINGLE_SUBJECTS.get(kind, "")))
        body = example(kind, subject, state.roster, now()) if newest is None else {}
        if newest is not None:
            body = body_of(newest.statement)
            body.pop("compromised", None)  # said once, it holds for ever (our protocol §2.8)
        print_json(body)


@app.command()
def revoke(
    reason: Reason,
    node: Annotated[str | None, typer.Option(help="A node's name.")] = None,
    platform: Annotated[str | None, typer.Option(help="A platform's id.")] = None,
    model: Annotated[str | None, typer.Option(help="A model's digest.")] = None,
    measurement: Annotated[str | None, typer.Option(help="A launch measurement.")] = None,
    policy: Annotated[str | None, typer.Option(help="A policy's id.")] = None,
    lapses_hours: Lapses = 72,
    ticket: Ticket = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Propose that nothing about one target be in force any more."""
    given = {
        TargetKind.NODE: node,
        TargetKind.PLATFORM: platform,
        TargetKind.MODEL: model,
        TargetKind.MEASUREMENT: measurement,
        TargetKind.POLICY: policy,
    }
    named = [(kind, target) for kind, target in given.items() if target is not None]
    if len(named) != 1:
        raise typer.BadParameter("name exactly one target", param_hint="--node … --policy")
    kind, target = named[0]
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        if kind is TargetKind.MODEL:
            target = parse_digest(target, what="--model")
        proposal = desk.client.propose_change(
            Kind.REVOCATION,
            f"{kind.value}:{target}",
            {"target_kind": kind.value, "target": target},
            reason=reason,
            lapses=timedelta(hours=lapses_hours),
            ticket=ticket,
        )
        _report(desk, proposal, as_json)


@app.command("list")
def list_proposals(
    status: Annotated[str | None, typer.Option(help="Only these, for example open.")] = None,
    expiring: Annotated[
        bool, typer.Option("--expiring", help="What is in force and expires soon instead.")
    ] = False,
    within_days: Annotated[int, typer.Option(min=0, max=400, help="How soon.")] = WARNING.days,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """All proposals, each verified here."""
    if expiring and status is not None:
        raise typer.BadParameter("--expiring lists what is in force", param_hint="--status")
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        if expiring:
            show_expiring(desk, timedelta(days=within_days), as_json=as_json)
            return
        found = desk.client.proposals(status)
        simulated = desk.client.authority().roster.simulation
        if as_json:
            documents = [proposal_document(each, simulated=simulated) for each in found]
            print_json({"proposals": documents})
            return
        warn_simulated(simulated)
        print_proposals(found)


@app.command()
def show(
    digest: Name,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """One proposal: who signed, what is missing, what would change."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        _report(desk, desk.client.proposal(digest), as_json)


@app.command()
def approve(
    target: Annotated[
        str | None, typer.Argument(help="Digest, its first digits, or a file.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="An exported proposal.")] = None,
    qr: Pictures = None,
    output: Output = None,
    qr_out: PicturesOut = None,
    comment: Comment = "",
    preview: PreviewFile = None,
    no_preview: NoPreview = False,
    yes: Yes = False,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Approve a proposal; one in a file, or in QR pictures, without any network.

    The digest of the impact preview that `keyturn policy impact` computed last for it is signed
    too; --preview names another, --no-preview none.
    """
    given = Given(target, file, tuple(qr or ()), output, qr_out)
    shown = Shown(preview, no_preview)
    _decide(Decision.APPROVE, given, comment, yes, profile, passphrase_fd, as_json, shown)


@app.command()
def reject(
    target: Annotated[
        str | None, typer.Argument(help="Digest, its first digits, or a file.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="An exported proposal.")] = None,
    qr: Pictures = None,
    output: Output = None,
    qr_out: PicturesOut = None,
    comment: Comment = "",
    yes: Yes = False,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Reject a proposal; your approval of it no longer counts."""
    given = Given(target, file, tuple(qr or ()), output, qr_out)
    shown = Shown(None, True)
    _decide(Decision.REJECT, given, comment, yes, profile, passphrase_fd, as_json, shown)


@app.command()
def withdraw(
    digest: Name,
    reason: Reason,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """End your own proposal for ever."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        found = desk.client.proposal(digest)
        _report(desk, desk.client.withdraw(found.digest, reason), as_json)


@app.command()
def export(
    digest: Name,
    output: Output = None,
    qr: Annotated[
        Path | None, typer.Option("--qr", help="Directory to write QR pictures (PNG) to.")
    ] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Write a proposal to a file or to QR pictures, for an officer without network."""
    if output is None and qr is None:
        raise typer.BadParameter("name a file or a directory", param_hint="--output or --qr")
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        found = desk.client.proposal(digest)
        written = write(desk.client.export(found.digest), output, qr)
        if as_json:
            print_json({"digest": found.digest, **written.document()})
        else:
            stdout.print(f"{found.digest} written to {written}", markup=False)


@app.command("import")
def import_file(
    file: Annotated[
        Path | None, typer.Argument(help="A proposal file that officers have signed.")
    ] = None,
    qr: Pictures = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Post the approvals in a file, or in QR pictures, that the server does not have yet."""
    if (file is None) == (not qr):
        raise typer.BadParameter("name a file or pictures", param_hint="FILE or --qr")
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        given = read(desk, file, tuple(qr or ()))
        proposal = desk.client.proposal(given.statement.digest)
        known = {each.raw for each in proposal.approvals}
        fresh = [each for each in given.approvals if each.raw not in known]
        for each in fresh:
            proposal = desk.client.post_approval(proposal.digest, each.raw)
        if not as_json:
            stderr.print(f"{len(fresh)} of {len(given.approvals)} were new", markup=False)
        _report(desk, proposal, as_json)


def _decide(
    decision: Decision,
    given: Given,
    comment: str,
    yes: bool,
    profile: Path | None,
    passphrase_fd: int | None,
    as_json: bool,
    shown: Shown,
) -> None:
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        if given.source is not None or given.pictures:
            decide_offline(desk, decision, given, comment, yes, as_json, shown)
            return
        found = desk.client.proposal(given.target or "")
        if not as_json:
            _report(desk, found, as_json)
        preview = shown.digest(desk, found.statement)
        confirm(decision, found.digest, yes)
        done = desk.client.decide(found.digest, decision, comment, preview=preview)
        _report(desk, done, as_json)


def _report(desk: Desk, proposal: Proposal, as_json: bool) -> None:
    simulated = desk.client.authority().roster.simulation
    state = desk.client.state()
    replaced, differences = changes_of(proposal.statement, state)
    effects = effects_of(proposal, state)
    if as_json:
        document = proposal_document(proposal, simulated=simulated)
        changed = {"replaces": replaced, "changes": change_documents(differences)}
        print_json({**document, "against": changed, **effects.document()})
        return
    warn_simulated(simulated)
    print_proposal(proposal, replaced, differences, now())
    print_effects(effects)
