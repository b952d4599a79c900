"""`keyturn ceremony open`: the administrator's plan, composed, shown and signed."""

from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.encoding import parse_digest
from keyturn.base.strictjson import JsonObject, load_object
from keyturn.ceremony.plan import KekProfile, Plan, ShareScheme
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.sharesets import needed_text
from keyturn.cli.ceremony_desk import Yes, at_ceremony, confirm
from keyturn.cli.ceremony_given import OFFICER, Given, asks
from keyturn.cli.ceremony_showing import warn_rehearsal
from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import now
from keyturn.client.ceremonyplans import (
    About,
    Cast,
    Founds,
    compose_plan,
    founding_roster,
    read_scheme_text,
)
from keyturn.client.ceremonysigning import open_request
from keyturn.client.offline import read_file

LABEL, REHEARSAL_LABEL = "keyturn", "keyturn REHEARSAL"
MAX_ENTRY = 1 << 16
MAX_ROSTER = 1 << 20
Scheme = Annotated[
    list[str] | None,
    typer.Option(help="Who gets shares: M:officer,officer,… ; again for another group."),
]


@asks(OFFICER)
def open_ceremony(
    given: Given,
    kind: Annotated[ScriptKind, typer.Argument(help="Which ceremony.")],
    witness: Annotated[str, typer.Option(help="The witness's id.")],
    token: Annotated[
        str | None, typer.Option(help="The token's label (a rehearsal's has REHEARSAL in it).")
    ] = None,
    ceremony: Annotated[str | None, typer.Option(help="Its id (default: kind and time).")] = None,
    rehearsal: Annotated[bool, typer.Option("--rehearsal", help="A rehearsal.")] = False,
    scribe: Annotated[str | None, typer.Option(help="The scribe's id.")] = None,
    user: Scheme = None,
    so: Scheme = None,
    backup: Scheme = None,
    kek: Annotated[
        KekProfile | None, typer.Option(help="Whether the KEK can be backed up.")
    ] = None,
    statement: Annotated[
        str | None, typer.Option(help="Digest of the statement that lets it happen.")
    ] = None,
    concern: Annotated[
        list[str] | None, typer.Option(help="What it is about: a key, model or officer.")
    ] = None,
    origin: Annotated[str | None, typer.Option(help="Genesis: the log's name.")] = None,
    founder: Annotated[
        list[Path] | None, typer.Option(help="Genesis: an officer's entry, a file; for each.")
    ] = None,
    roster: Annotated[Path | None, typer.Option(help="Genesis: the first roster, a file.")] = None,
    simulation: Annotated[
        bool, typer.Option("--simulation", help="Genesis: for simulated hardware, for ever.")
    ] = False,
    life_days: Annotated[int, typer.Option(min=1, max=400, help="Days that statements live.")] = 90,
    yes: Yes = False,
) -> None:
    """Open a ceremony as its administrator: sign the plan that says with whom, on which token."""
    with at_ceremony(given) as desk:
        founds = _founds(origin, founder or [], roster, life_days, simulation=simulation)
        pinned = desk.reader.authority
        label = token or (REHEARSAL_LABEL if rehearsal else LABEL)
        about = About(
            token=label,
            rehearsal=rehearsal,
            ceremony=ceremony,
            authority=None if founds is not None or pinned is None else pinned.fingerprint,
            statement=None if statement is None else parse_digest(statement, what="--statement"),
            kek_profile=kek,
            concerns=tuple(concern or ()),
        )
        signer = desk.signer()
        schemes = _schemes(user, so, backup)
        cast = Cast(signer.officer, witness, scribe, schemes)
        plan = compose_plan(kind, cast, about, now(), founds)
        if not given.as_json:
            _print_plan(plan)
        confirm("Sign this plan and open the ceremony?", yes)
        opened = desk.door.ask(open_request(plan, signer))
        if given.as_json:
            print_json(
                {"ceremony": opened, "kind": kind.value, "rehearsal": rehearsal, "token": label}
            )
            return
        stdout.print(f"Opened: {opened}", markup=False)


def _schemes(
    user: list[str] | None, so: list[str] | None, backup: list[str] | None
) -> dict[ShareUse, ShareScheme]:
    texts = {ShareUse.USER: user, ShareUse.SO: so, ShareUse.BACKUP: backup}
    return {use: read_scheme_text(each) for use, each in texts.items() if each}


def _founds(
    origin: str | None,
    founders: list[Path],
    roster: Path | None,
    life_days: int,
    *,
    simulation: bool,
) -> Founds | None:
    """Raises typer.BadParameter on half of what a genesis needs; MalformedError on a file."""
    if origin is None and not founders and roster is None:
        return None
    if origin is None or bool(founders) is (roster is not None):
        raise typer.BadParameter(
            "a genesis needs the log's name, and its officers once",
            param_hint="--origin, and --founder or --roster",
        )
    if roster is not None:
        body = load_object(read_file(roster, MAX_ROSTER), limit=MAX_ROSTER, what=str(roster))
    else:
        body = founding_roster([_entry(each) for each in founders], simulation=simulation)
    return Founds(origin, body, life_days)


def _entry(path: Path) -> JsonObject:
    return load_object(read_file(path, MAX_ENTRY), limit=MAX_ENTRY, what=str(path))


def _print_plan(plan: Plan) -> None:
    warn_rehearsal(plan.rehearsal)
    stdout.print(f"{plan.kind.value} {plan.ceremony} on token {plan.token}", markup=False)
    people = f"administrator {plan.administrator}, witness {plan.witness}"
    stdout.print(people + (f", scribe {plan.scribe}" if plan.scribe else ""), markup=False)
    for use, scheme in plan.shares.items():
        officers = ", ".join(scheme.officers)
        stdout.print(f"{use.value} shares, {needed_text(scheme)}: {officers}", markup=False)
    if plan.kek_profile is not None:
        stdout.print(f"KEK: {plan.kek_profile.value}", markup=False)
    if plan.founding is not None:
        stdout.print(f"Founds {plan.founding.origin} with officers:", markup=False)
        for officer in plan.founding.roster.officers.values():
            roles = ", ".join(sorted(role.value for role in officer.roles))
            stdout.print(f"  {officer.id}: {roles}", markup=False)
