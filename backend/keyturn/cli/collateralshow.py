"""How `keyturn collateral` shows documents, outcomes and events, to people and as JSON."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from keyturn.base.times import format_time
from keyturn.cli.output import error_document, explain, stdout
from keyturn.collateral.cache import Contents, Kept
from keyturn.collateral.keeping import Outcome
from keyturn.policy.forecast import Event

if TYPE_CHECKING:
    from keyturn.collateral.carrying import Carried


def kept_document(kept: Kept, now: datetime) -> dict[str, object]:
    until = kept.age.until
    return {
        "kind": kept.document.kind.value,
        "scope": kept.document.scope,
        "digest": kept.document.digest,
        "state": kept.state(now).value,
        "issued": format_time(kept.age.issued),
        "until": None if until is None else format_time(until),
        "number": kept.age.number,
        "fetched": format_time(kept.fetched),
        "source": kept.source,
    }


def outcome_document(outcome: Outcome, now: datetime) -> dict[str, object]:
    return {
        "kind": outcome.kind.value,
        "scope": outcome.scope,
        "done": outcome.done.value,
        "kept": None if outcome.kept is None else kept_document(outcome.kept, now),
        "error": None if outcome.error is None else error_document(outcome.error),
    }


def carried_document(carried: "Carried") -> dict[str, object]:
    return {
        "kind": carried.kind.value,
        "scope": carried.scope,
        "newer": carried.newer,
        "error": None if carried.error is None else error_document(carried.error),
    }


def event_document(event: Event) -> dict[str, object]:
    return {
        "when": format_time(event.when),
        "kind": event.kind.value,
        "scope": event.scope,
        "why": event.why.value,
        "what": event.what,
        "nodes": list(event.nodes),
        "models": list(event.models),
    }


def age_text(kept: Kept, now: datetime) -> str:
    """`fetched 3 days ago, stale`."""
    return f"fetched {_span(now - kept.fetched)} ago, {kept.state(now).value}"


def show_contents(contents: Contents, now: datetime) -> None:
    table = Table("kind", "scope", "state", "fetched", "issued", "until", "number")
    for each in contents.kept:
        until, number = each.age.until, each.age.number
        table.add_row(
            each.document.kind.value,
            escape(each.document.scope),
            each.state(now).value,
            f"{_span(now - each.fetched)} ago",
            format_time(each.age.issued),
            "" if until is None else format_time(until),
            "" if number is None else str(number),
        )
    stdout.print(table)
    for damaged in contents.damaged:
        explain(damaged)


def show_events(events: Sequence[Event], now: datetime) -> None:
    table = Table("when", "in", "kind", "scope", "why", "what", "nodes", "models")
    for each in events:
        left = each.when - now
        table.add_row(
            format_time(each.when),
            _span(left) if left > timedelta() else "over",
            each.kind.value,
            escape(each.scope),
            each.why.value,
            escape(each.what),
            escape(", ".join(each.nodes)),
            escape(", ".join(each.models)),
        )
    stdout.print(table)


def _span(span: timedelta) -> str:
    """The largest unit alone, and never a negative one."""
    seconds = max(0, int(span.total_seconds()))
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}" + ("" if count == 1 else "s")
    return "1 minute"
