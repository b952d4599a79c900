"""What will end or change its status, when, and which nodes and models it will stop. Pure.

Collateral comes as dates that others have read of it; a node names what its releases need. The
events of one document at several moments are several events: a list that is due to be renewed and
the end of the certificate that signs it are different work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.attest.tdx_collateral import TcbInfo, TcbLevel, TcbStatus
from keyturn.base.collateral import CollateralKind

Key = tuple[CollateralKind, str]


class Why(Enum):
    """What happens. The values are stable."""

    DOCUMENT_ENDS = "document-ends"  # nextUpdate: no verifier takes it afterwards
    CERTIFICATE_ENDS = "certificate-ends"  # notAfter of a certificate that it stands on
    RIM_SIGNER_ENDS = "rim-signer-ends"  # the same, of a manifest: fetch it anew
    TOO_OLD = "too-old"  # our own limit for the kind
    NEWER_EVALUATION = "newer-evaluation"  # Intel has a higher tcbEvaluationDataNumber
    STATUS_CHANGES = "status-changes"  # a TCB level gets another status by it
    MISSING = "missing"  # a node needs it and it is not there


@dataclass(frozen=True, slots=True)
class Ends:
    """One dated end of one document. `what`: the certificate's or the date's name."""

    key: Key
    when: datetime
    why: Why
    what: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """A TCB info that is in use and a newer one that Intel has published.

    `when`: from when the newer one is used (the end of its grace, or the policy's floor).
    """

    key: Key
    used: TcbInfo
    newer: TcbInfo
    when: datetime


@dataclass(frozen=True, slots=True)
class NodeNeeds:
    """Which collateral a node's releases need, and for which models."""

    node: str
    models: frozenset[str]
    collateral: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Event:
    """`nodes` and `models` are those that stop getting keys if nobody acts, sorted."""

    when: datetime
    kind: CollateralKind
    scope: str
    why: Why
    what: str
    nodes: tuple[str, ...]
    models: tuple[str, ...]


def forecast(
    ends: Iterable[Ends],
    recoveries: Iterable[Recovery],
    needs: Sequence[NodeNeeds],
    kept: Iterable[Key],
    now: datetime,
) -> tuple[Event, ...]:
    """All events, the first one first; what is past already stays in, at its own moment.

    `kept`: everything that is there; what a node needs and is not there is an event at `now`.
    """
    found = [_event(each.key, each.when, each.why, each.what, needs) for each in ends]
    for recovery in recoveries:
        found.extend(_of_recovery(recovery, needs, now))
    there = frozenset(kept)
    wanted = frozenset(key for each in needs for key in each.collateral)
    found.extend(_event(key, now, Why.MISSING, "not in the cache", needs) for key in wanted - there)
    return tuple(sorted(found, key=_order))


def status_changes(used: TcbInfo, newer: TcbInfo) -> tuple[str, ...]:
    """Every level of `used` that platforms may have, with the status it gets by `newer`.

    A platform at exactly a level's SVNs is judged by the first level of `newer` that it reaches
    (PCS API v4, "Appraise TCB Level"); none reached is *not supported*.
    """
    changes = []
    for level in used.levels:
        status = _status(level, newer)
        if status is not level.status:
            after = status.value if status else "not supported"
            changes.append(f"{level.date.date().isoformat()}: {level.status.value} → {after}")
    return tuple(changes)


def _status(level: TcbLevel, newer: TcbInfo) -> TcbStatus | None:
    for each in newer.levels:
        if _reaches(level, each):
            return each.status
    return None


def _reaches(have: TcbLevel, asked: TcbLevel) -> bool:
    pairs = (
        *zip(have.sgx, asked.sgx, strict=True),
        *zip(have.tdx, asked.tdx, strict=True),
        (have.pce_svn, asked.pce_svn),
    )
    return all(mine >= theirs for mine, theirs in pairs)


def _of_recovery(recovery: Recovery, needs: Sequence[NodeNeeds], now: datetime) -> list[Event]:
    used, newer = recovery.used, recovery.newer
    if newer.evaluation_number <= used.evaluation_number:
        return []
    numbers = f"{used.evaluation_number} is used, {newer.evaluation_number} is known"
    events = [_event(recovery.key, now, Why.NEWER_EVALUATION, numbers, needs)]
    events.extend(
        _event(recovery.key, recovery.when, Why.STATUS_CHANGES, change, needs)
        for change in status_changes(used, newer)
    )
    return events


def _event(key: Key, when: datetime, why: Why, what: str, needs: Sequence[NodeNeeds]) -> Event:
    hit = [each for each in needs if key in each.collateral]
    nodes = tuple(sorted(each.node for each in hit))
    models = tuple(sorted({model for each in hit for model in each.models}))
    return Event(when, key[0], key[1], why, what, nodes, models)


def _order(event: Event) -> tuple[datetime, str, str, str, str]:
    return (event.when, event.kind.value, event.scope, event.why.value, event.what)
