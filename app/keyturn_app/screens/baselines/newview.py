"""A draft of a baseline as it is shown: frozen values. No Qt in here."""

from collections.abc import Collection
from dataclasses import dataclass

from keyturn.base.errors import KeyturnError
from keyturn.policy.boot_values import BootEvent
from keyturn.policy.observed import Observed
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.baselines.details import set_title
from keyturn_app.screens.baselines.drafting import Into, Result
from keyturn_app.screens.baselines.items import Item, sets_of
from keyturn_app.screens.baselines.pool import Pool
from keyturn_app.screens.baselines.sources import Field, Source


@dataclass(frozen=True, slots=True)
class ErrorView:
    """`title` is what did not work; then all that an error says."""

    title: str
    text: str
    found: str
    expected: str
    hint: str


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """`why_not`: why its evidence cannot be captured; "" where it can."""

    name: str
    text: str
    why_not: str


@dataclass(frozen=True, slots=True)
class ItemView:
    key: str
    what: str
    value: str
    said: str
    ticked: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class PickView:
    """One set of values. `warning`: what leaving some of it out means."""

    key: str
    title: str
    source: str
    items: tuple[ItemView, ...]
    count: int
    ticked: int
    warning: str
    more: int  # items that are folded away


@dataclass(frozen=True, slots=True)
class EventView:
    """`taken`: as which value it can be chosen, or ""."""

    index: int
    register: str
    kind: str
    digest: str
    proved: bool
    said: str
    taken: str
    key: str  # of the item that it can be taken as, or ""
    ticked: bool


@dataclass(frozen=True, slots=True)
class NewView:
    """`problem`: why it cannot be proposed yet; `fraction` None: nothing is under way."""

    source: Source
    hint: str
    fields: tuple[Field, ...]
    nodes: tuple[NodeChoice, ...]
    node: str
    fleet: str
    read_why_not: str
    busy: str
    fraction: float | None
    error: ErrorView | None
    left: str
    sets: tuple[PickView, ...]
    events: tuple[EventView, ...]
    subject: str
    subjects: tuple[str, ...]
    into: Into
    can_add: bool
    until: str
    reason: str
    ticket: str
    life_days: int
    lapses_hours: int
    result: Result
    needs: str
    problem: str


def error_view(title: str, error: KeyturnError) -> ErrorView:
    return ErrorView(title, error.message, error.found, error.expected, error.hint)


def node_choice(each: Observed) -> NodeChoice:
    failed = next((one for one in each.findings if one.failed), None)
    when = "" if each.time is None else wording.moment(each.time)
    if each.shown is None or failed is not None:
        found = _("no evidence is kept") if failed is None else f"{failed.check}: {failed.found}"
        return NodeChoice(
            each.node,
            _("{name} · not genuine, or not kept").format(name=each.node),
            found[:300],
        )
    return NodeChoice(each.node, f"{each.node} · {when}", "")


FOLDED = 8
"""Values of a set that are shown before the officer asks for all."""


def picks_of(
    pool: Pool, ticked: Collection[str], unfolded: Collection[str]
) -> tuple[PickView, ...]:
    found = []
    for each in sets_of(pool.values):
        items = tuple(_item(item, pool, ticked) for item in each.items)
        taken = sum(item.ticked for item in items)
        shown = items if each.key in unfolded or len(items) <= 2 * FOLDED + 4 else items[:FOLDED]
        warning = ""
        if 0 < taken < len(items) and each.key.startswith(("gpu", "switch")):
            warning = _("What is left out is not compared: more firmware passes.")
        if taken and any(item.needed and not item.ticked for item in items):
            warning = _("Without MRTD nothing of this TD is taken.")
        found.append(
            PickView(
                each.key,
                set_title(each),
                each.origin.source,
                shown,
                len(items),
                taken,
                warning,
                len(items) - len(shown),
            )
        )
    return tuple(found)


def _item(item: Item, pool: Pool, ticked: Collection[str]) -> ItemView:
    return ItemView(
        item.key,
        item.what,
        f" {_('or')} ".join(wording.grouped(each) for each in item.values),
        pool.said.get(item.key, ""),
        item.key in ticked,
        item.needed,
    )


def events_view(pool: Pool, ticked: Collection[str]) -> tuple[EventView, ...]:
    keys = {item.key for each in sets_of(pool.values) for item in each.items}
    return tuple(_event(each, keys, ticked) for each in pool.events)


def _event(each: BootEvent, keys: Collection[str], ticked: Collection[str]) -> EventView:
    key, taken = _taken(each, keys)
    return EventView(
        each.index,
        str(each.register),
        each.kind,
        each.digest,
        each.proved,
        each.said,
        taken,
        key,
        key in ticked,
    )


def _taken(each: BootEvent, keys: Collection[str]) -> tuple[str, str]:
    """The item that an event can be taken as, and what that is."""
    variable = ""
    if each.kind.startswith("EV_EFI_VARIABLE") and each.said.startswith("variable "):
        variable = each.said.removeprefix("variable ").partition(",")[0]
    for key, taken in (
        (f"tpm.0.app.{each.digest}", _("boot application")),
        (f"tpm.0.authority.{each.digest}", _("boot authority")),
        (f"tpm.0.variable.{variable}", _("UEFI variable")),
    ):
        if key in keys:
            return key, taken
    return "", ""
