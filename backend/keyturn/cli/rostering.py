"""Roster changes from the command line: composed, and what they would do said beforehand."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from keyturn.base.strictjson import JsonObject
from keyturn.cli.output import stdout
from keyturn.client.client import KeyturnClient
from keyturn.client.enrolments import named
from keyturn.client.offline import read_file
from keyturn.client.proposals import Proposal, Status
from keyturn.client.rosterchange import (
    approvers_of_keys_leaving,
    keys_meant,
    with_officer,
)
from keyturn.client.rosteredit import RosterEdit, check
from keyturn.client.witnesskeys import WitnessChange, read_witness_key, with_witnesses
from keyturn.quorum.enrolment import MAX_ENROLMENT, Enrolment, check_enrolment, parse_enrolment
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState, InForce, would_suspend
from keyturn.quorum.statements import SINGLE_SUBJECTS

Enrol = Annotated[
    Path | None, typer.Option(help="A roster with this new officer: the file of `officer enrol`.")
]
Request = Annotated[
    str | None,
    typer.Option(
        "--request", help="As --enrol, of a request that waits at the server: its digest."
    ),
]
Remove = Annotated[
    list[str] | None, typer.Option(help="A roster without this officer; may repeat.")
]
Compromised = Annotated[
    list[str] | None,
    typer.Option(help="With --remove: an officer, or the id of a key, compromised; may repeat."),
]


WitnessKeys = Annotated[
    list[str] | None,
    typer.Option("--witness", help="A roster with this witness too: a file or a key; may repeat."),
]
DropWitness = Annotated[
    list[str] | None, typer.Option(help="A roster without this witness's key id; may repeat.")
]
WitnessesNeeded = Annotated[
    int | None, typer.Option(min=0, help="How many witnesses a release needs.")
]
Fresh = Annotated[
    int | None,
    typer.Option("--fresh", min=1, max=86_400, help="Seconds that a cosignature counts."),
]


def witness_change(
    add: list[str] | None, drop: list[str] | None, needed: int | None, seconds: int | None
) -> WitnessChange:
    """Raises as `read_witness_key`."""
    keys = tuple(read_witness_key(each) for each in add or ())
    return WitnessChange(keys, tuple(drop or ()), needed, seconds)


@dataclass(frozen=True, slots=True)
class RosterChange:
    """What of the roster in force is to differ."""

    enrol: Path | None
    remove: tuple[str, ...]
    compromised: tuple[str, ...]
    witnesses: WitnessChange = field(default_factory=WitnessChange)
    edit: RosterEdit = field(default_factory=RosterEdit)
    request: str | None = None

    def __bool__(self) -> bool:
        enrols = self.enrol is not None or self.request is not None
        officers = enrols or bool(self.remove or self.compromised or self.edit)
        return officers or bool(self.witnesses)

    def body(
        self, client: KeyturnClient, ticket: str | None, now: datetime
    ) -> tuple[JsonObject, str | None]:
        """The new body, and the ticket: an enrolment's digest where none is given.

        Raises MalformedError, EnrolmentRefused, NotFound.
        """
        state = client.state()
        if self.witnesses:
            return with_witnesses(state, self.witnesses), ticket
        enrolment = self._enrolment(client)
        if enrolment is None:
            lost = keys_meant(state, self.compromised)
            gone = replace(self.edit, removed=frozenset(self.remove), compromised=lost)
            return self._checked(gone.body(state)), ticket
        check_enrolment(enrolment, state, now)
        body = self.edit.applied(with_officer(state, enrolment.officer))
        return self._checked(body), ticket or f"enrolment {enrolment.digest}"

    def _enrolment(self, client: KeyturnClient) -> Enrolment | None:
        if self.request is not None:
            return named(client.enrolments(), self.request).enrolment
        if self.enrol is None:
            return None
        return parse_enrolment(read_file(self.enrol, 2 * MAX_ENROLMENT))

    def _checked(self, body: JsonObject) -> JsonObject:
        """What the rules forbid is refused before a key is asked for."""
        check(body)
        return body


@dataclass(frozen=True, slots=True)
class Effects:
    """What approving a roster change does to other statements."""

    suspends: tuple[InForce, ...] = ()
    keys_signed_by: tuple[OfficerId, ...] = ()

    def document(self) -> dict[str, object]:
        return {
            "would_suspend": [
                {
                    "kind": each.statement.kind.value,
                    "subject": each.statement.subject,
                    "version": each.statement.version,
                    "digest": each.statement.digest,
                }
                for each in self.suspends
            ],
            "keys_signed_by": list(self.keys_signed_by),
        }


def effects_of(proposal: Proposal, state: AuthorityState) -> Effects:
    """Nothing for what is not open, or is no roster."""
    body = proposal.statement.body
    if proposal.status is not Status.OPEN or not isinstance(body, Roster):
        return Effects()
    return Effects(would_suspend(state, proposal.statement), approvers_of_keys_leaving(state, body))


def print_effects(effects: Effects) -> None:
    if effects.suspends:
        stdout.print("[red]Would be suspended, too few approvals without the lost keys:[/red]")
    for each in effects.suspends:
        statement = each.statement
        stdout.print(
            f"  {statement.kind.value} {escape(statement.subject)}, version {statement.version}"
        )
    if effects.keys_signed_by:
        stdout.print(
            f"[yellow]`keys` is signed by {escape(', '.join(effects.keys_signed_by))}: renew it "
            "first, signed by those who stay. Until it is, no node, sealer or newcomer takes the "
            "authority bundle.[/yellow]"
        )


def chosen_kind(
    word: Kind | None,
    option: Kind | None,
    subject: str | None,
    body: Path | None,
    change: RosterChange,
) -> Kind:
    """The kind of a new statement. Raises typer.BadParameter on options that do not fit."""
    if (word is None) == (option is None):
        raise typer.BadParameter("name one kind", param_hint="KIND or --kind")
    kind = word or option
    assert kind is not None  # one of them was given
    if (body is None) == (not change):
        raise typer.BadParameter(
            "give a body, or what of the roster changes",
            param_hint="--body or --enrol, --remove, --role, --threshold, --apart, --witness, …",
        )
    if change and kind is not Kind.ROSTER:
        raise typer.BadParameter(
            "only a roster has officers, thresholds and witnesses",
            param_hint="--enrol, --remove, --role, --witness, …",
        )
    enrols = [each for each in (change.enrol, change.request) if each is not None]
    others = bool(change.remove or change.compromised or (change.witnesses and change.edit))
    if len(enrols) + others + bool(change.witnesses) > 1:
        raise typer.BadParameter(
            "one change at a time", param_hint="--enrol, --request, --remove or --witness"
        )
    if subject is None and kind not in SINGLE_SUBJECTS:
        raise typer.BadParameter("name the subject", param_hint="--subject")
    return kind
