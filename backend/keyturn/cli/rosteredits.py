"""Options of `proposal new roster` that change rules, roles and keys: no body written by hand."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, TypeVar

import typer

from keyturn.base.signatures import KeyId
from keyturn.client.rosteredit import RosterEdit
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.separation import Pair

_T = "--threshold"
E = TypeVar("E", bound=Enum)

Texts = list[str] | None
SetRole = Annotated[
    Texts, typer.Option("--role", help="OFFICER:+ROLE/-ROLE gives a role and takes one away.")
]
Threshold = Annotated[Texts, typer.Option("--threshold", help="KIND:N approvals are needed.")]
MayApprove = Annotated[
    list[Kind] | None, typer.Option(help="Of this kind, whoever proposes may also approve.")
]
MayNotApprove = Annotated[
    list[Kind] | None, typer.Option(help="Of this kind, whoever proposes does not approve.")
]
Apart = Annotated[Texts, typer.Option("--apart", help="ROLE:ROLE, which no officer holds both of.")]
Together = Annotated[Texts, typer.Option("--together", help="ROLE:ROLE are kept apart no more.")]
Require = Annotated[
    Texts, typer.Option("--require", help="ROLE:N officers must hold a role; 0 ends that.")
]
RemoveKey = Annotated[
    Texts, typer.Option("--remove-key", help="Id of a key that its officer no longer has.")
]


def edit_of(
    roles: Texts,
    thresholds: Texts,
    may: list[Kind] | None,
    may_not: list[Kind] | None,
    apart: Texts,
    together: Texts,
    require: Texts,
    keys: Texts,
) -> RosterEdit:
    """Raises typer.BadParameter for what is not said well, or said twice."""
    return RosterEdit(
        roles=_once([each for text in roles or () for each in _roles_of(text)], "--role"),
        thresholds=_once((_counted(each, Kind, "--threshold") for each in thresholds or ()), _T),
        proposer_may_approve=_once(
            [*((each, True) for each in may or ()), *((each, False) for each in may_not or ())],
            "--proposer-may-approve",
        ),
        apart=_once(
            [
                *((_pair(each, "--apart"), True) for each in apart or ()),
                *((_pair(each, "--together"), False) for each in together or ()),
            ],
            "--apart",
        ),
        required=_once((_counted(each, Role, "--require") for each in require or ()), "--require"),
        keys_gone=frozenset(_key(each) for each in keys or ()),
    )


def _roles_of(text: str) -> list[tuple[tuple[str, Role], bool]]:
    officer, colon, listed = text.partition(":")
    changes = listed.split("/")
    if not (officer and colon) or any(each[:1] not in {"+", "-"} for each in changes):
        raise typer.BadParameter(f"{text!r}: say OFFICER:+ROLE/-ROLE", param_hint="--role")
    return [((officer, _named(each[1:], Role, "--role")), each[0] == "+") for each in changes]


def _counted(text: str, kinds: type[E], option: str) -> tuple[E, int]:
    name, colon, count = text.partition(":")
    if not colon or not (count.isascii() and count.isdigit()) or len(count) > 3:
        raise typer.BadParameter(f"{text!r}: say a name, a colon and a number", param_hint=option)
    return _named(name, kinds, option), int(count)


def _pair(text: str, option: str) -> Pair:
    one, _colon, other = text.partition(":")
    pair = frozenset({_named(one, Role, option), _named(other, Role, option)})
    if len(pair) != 2:
        raise typer.BadParameter(f"{text!r}: two different roles", param_hint=option)
    return pair


def _named(name: str, kinds: type[E], option: str) -> E:
    try:
        return kinds(name)
    except ValueError as error:
        choices = ", ".join(str(each.value) for each in kinds)
        raise typer.BadParameter(f"{name!r} is none of {choices}", param_hint=option) from error


def _key(text: str) -> KeyId:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise typer.BadParameter(f"{text!r}: 64 hex digits", param_hint="--remove-key")
    return KeyId(text)


K = TypeVar("K")
V = TypeVar("V")


def _once(pairs: Iterable[tuple[K, V]], option: str) -> Mapping[K, V]:
    listed = list(pairs)
    found = dict(listed)
    if len(found) != len(listed):
        raise typer.BadParameter("the same is said twice", param_hint=option)
    return found
