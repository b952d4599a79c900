"""Separation of duty: which roles one officer may not hold together (our protocol §2.6).

A roster that says nothing gets `STRICT`. Whatever it says, one custodian alone is refused: what
one person keeps, one person can lose or give away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Role

MAX_PAIRS = 15  # of six roles
Pair = frozenset[Role]


@dataclass(frozen=True, slots=True)
class Separation:
    """`apart`: pairs of different roles; `required`: how many officers must hold a role."""

    apart: frozenset[Pair]
    required: Mapping[Role, int]


STRICT = Separation(frozenset({frozenset({Role.APPROVER, Role.AUDITOR})}), {})
"""Whoever audits does not approve what is audited."""


def parse_separation(fields: Fields) -> Separation:
    """Raises MalformedError."""
    pairs = fields.items("apart", limit=MAX_PAIRS)
    apart = [_pair(each, f"apart[{place}]") for place, each in enumerate(pairs)]
    if len(set(apart)) != len(apart):
        raise MalformedStatement("roster: a pair of roles stands twice", expected="each pair once")
    table = fields.fields("required")
    required = {_role(name): table.integer(name, low=1, high=100) for name in table.names()}
    fields.done()
    return Separation(frozenset(apart), required)


def check_separation(
    separation: Separation, officers: Iterable[tuple[str, frozenset[Role]]]
) -> None:
    """Raises MalformedStatement naming the officer or role, found and expected."""
    held = list(officers)
    for officer, roles in held:
        for pair in sorted(separation.apart, key=_words):
            if pair <= roles:
                raise MalformedStatement(
                    f"roster: {officer} holds two roles that must differ",
                    found=_words(roles),
                    expected=f"not both of {_words(pair)}",
                )
    counts = {role: sum(role in roles for _, roles in held) for role in Role}
    for role, needed in separation.required.items():
        if counts[role] < needed:
            raise MalformedStatement(
                f"roster: too few officers with the role {role.value}",
                found=str(counts[role]),
                expected=f"at least {needed}",
            )
    if counts[Role.CUSTODIAN] == 1:
        only = next(officer for officer, roles in held if Role.CUSTODIAN in roles)
        raise MalformedStatement(
            "roster: one officer is the only custodian",
            found=only,
            expected="no custodian, or two at least",
        )


def _pair(value: object, what: str) -> Pair:
    if not isinstance(value, list) or len(value) != 2:
        raise MalformedStatement(
            f"roster: separation: {what}", found=repr(value)[:80], expected="two roles"
        )
    pair = frozenset(_role(each) for each in value)
    if len(pair) != 2:
        raise MalformedStatement(
            f"roster: separation: {what}", found=repr(value)[:80], expected="two different roles"
        )
    return pair


def _role(name: object) -> Role:
    if isinstance(name, str) and name in {role.value for role in Role}:
        return Role(name)
    raise MalformedStatement(
        "roster: separation: not a role",
        found=repr(name)[:80],
        expected=_words(Role),
    )


def _words(roles: Iterable[Role]) -> str:
    return ", ".join(sorted(role.value for role in roles))
