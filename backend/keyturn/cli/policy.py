"""`keyturn policy`: what is wrong with a draft, and what it would change for every node."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress as Bar

from keyturn.base.strictjson import load_object
from keyturn.cli.output import print_json, stderr, stdout
from keyturn.cli.policy_showing import (
    impact_document,
    print_impact,
    print_remarks,
    remark_document,
)
from keyturn.cli.previewing import previews_of
from keyturn.cli.profile import AsJson, Desk, PassphraseFd, ProfileDir, at_desk, now, warn_simulated
from keyturn.client.offline import read_file, write_new_file
from keyturn.client.previews import check_impact, impact_of
from keyturn.client.seen import Seen
from keyturn.keyrelease.decision import caveats_owed
from keyturn.policy.drafts import Draft, draft_of, draft_of_body
from keyturn.policy.impact import Impact
from keyturn.policy.impact_document import preview_bytes
from keyturn.policy.impact_reading import MAX_PREVIEW
from keyturn.policy.lint import Severity, lint
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import SINGLE_SUBJECTS

app = typer.Typer(help="Drafts of rules: lint and impact.", no_args_is_help=True)
MAX_BODY = 1 << 20

Target = Annotated[
    str, typer.Argument(help="A proposal's digest, its first digits, or a JSON file with a body.")
]
OfKind = Annotated[Kind, typer.Option("--kind", help="Of a file: what it is a body of.")]
Subject = Annotated[
    str | None, typer.Option(help="Of a file: its subject, for example a policy's id.")
]
Days = Annotated[
    int, typer.Option("--expires-days", min=1, max=400, help="Of a file: days in force.")
]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="policy")


@app.command("lint")
def lint_command(
    target: Target,
    kind: OfKind = Kind.POLICY,
    subject: Subject = None,
    expires_days: Days = 90,
    nodes: Annotated[
        bool, typer.Option("--nodes/--no-nodes", help="Look at what nodes showed last, too.")
    ] = True,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Say what can never pass, what accepts anything and what refers to nothing.

    Exit status 1 where there is an error: no evidence at all can pass then.
    """
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        seen = desk.client.seen()
        draft = _draft(desk, seen, target, kind, subject, expires_days)
        observed = desk.client.observe_fleet(seen=seen) if nodes else ()
        remarks = lint(
            draft.kind,
            draft.subject,
            draft.body,
            seen.state,
            now(),
            observed=observed,
            owed=caveats_owed(seen.state, now()),
            expires=draft.statement.expires,
        )
        if as_json:
            print_json({"remarks": [remark_document(each) for each in remarks]})
        else:
            print_remarks(remarks)
        if any(each.severity is Severity.ERROR for each in remarks):
            raise typer.Exit(1)


@app.command()
def impact(
    target: Target,
    kind: OfKind = Kind.POLICY,
    subject: Subject = None,
    expires_days: Days = 90,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write it to; must be new.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option(help="Somebody's preview: does it come out the same here?")
    ] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Show who would newly get keys and who would lose them, judged by every node's last evidence.

    The preview of a proposal is kept; `keyturn proposal approve` signs its digest. With --verify
    a preview that does not come out the same is refused, with what differs.
    """
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        seen = desk.client.seen()
        draft = _draft(desk, seen, target, kind, subject, expires_days)
        found, raw = _computed(desk, draft, seen, verify, as_json)
        if output is not None:
            write_new_file(output, raw)
        digest = previews_of(desk).put(raw)
        if as_json:
            print_json(impact_document(found, digest))
            return
        warn_simulated(desk.client.authority().roster.simulation)
        print_impact(found, digest)
        if verify is not None:
            stdout.print(f"{verify}: the same comes out here.", markup=False)


def _draft(
    desk: Desk, seen: Seen, target: str, kind: Kind, subject: str | None, days: int
) -> Draft:
    """Of a body in a file, or of a proposal that the server shows and that is verified here."""
    path = Path(target)
    if not path.is_file():
        return draft_of(desk.client.proposal(target).statement)
    body = load_object(read_file(path, MAX_BODY), limit=MAX_BODY, what=target)
    named = subject or SINGLE_SUBJECTS.get(kind) or _only_subject(kind, path)
    return draft_of_body(kind, named, body, seen.state, now(), timedelta(days=days))


def _only_subject(kind: Kind, path: Path) -> str:
    raise typer.BadParameter(f"{path} is a body: name the {kind.value}", param_hint="--subject")


def _computed(
    desk: Desk, draft: Draft, seen: Seen, verify: Path | None, as_json: bool
) -> tuple[Impact, bytes]:
    """The preview and its document; of --verify that which was given, once it came out the same."""
    fleet, collateral = desk.client.fleet_evidence, desk.client.collateral_at_hand()
    with Bar(console=stderr, transient=True, disable=as_json) as bar:
        step = _telling(bar)
        if verify is not None:
            raw = read_file(verify, MAX_PREVIEW)
            again = check_impact(raw, draft, seen, fleet, now(), step, collateral=collateral)
            return again, raw
        found = impact_of(draft, seen, fleet, now(), step, collateral=collateral)
    return found, preview_bytes(found)


def _telling(bar: Bar) -> Callable[[int, int], None]:
    task = bar.add_task("nodes")
    return lambda done, total: bar.update(task, completed=done, total=total)
