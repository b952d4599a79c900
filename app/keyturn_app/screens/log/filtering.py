"""Which entries are asked for: kinds, and a line of words like `node:node-1 since:2026-11-29`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from keyturn.base.errors import MalformedError
from keyturn.client.seen import leaf_at_hand
from keyturn.quorum.entries import EntryKind
from keyturn_app.i18n import _
from keyturn_app.screens.log.columns import KINDS, Snapshot

Places = NDArray[np.int64]
"""Indexes of entries, ascending."""

_STEP = 4096
_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_WORD = re.compile(r"(?:(\w+):)?(\"[^\"]*\"|\S+)")
_NAMES = ("node", "since", "until")


class BadFilter(MalformedError):
    """A filter line that cannot be understood; the message is shown below it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """No kinds: all of them. Everything that is asked for must hold. Times are POSIX seconds."""

    kinds: frozenset[EntryKind] = frozenset()
    nodes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    @property
    def everything(self) -> bool:
        return self == Filter()


def read_filter(line: str, kinds: frozenset[EntryKind], last_seconds: int, now: datetime) -> Filter:
    """`last_seconds`: only entries so old at most; 0 for any. Raises BadFilter."""
    nodes, texts = [], []
    since = int(now.timestamp()) - last_seconds if last_seconds else None
    until = None
    for match in _WORD.finditer(line):
        name, value = (match[1] or "").casefold(), match[2].strip('"').casefold()
        if name in ("since", "until"):
            moment = _moment(name, match[2].strip('"'))
            since, until = (moment, until) if name == "since" else (since, moment)
        elif name == "node":
            nodes.append(value)
        elif name in ("", "sha256"):  # a digest may be pasted whole
            texts.append(value)
        else:
            raise BadFilter(
                _("“{name}:” is not known").format(name=name),
                expected=", ".join(f"{each}:" for each in _NAMES),
            )
    return Filter(kinds, tuple(nodes), tuple(texts), since, until)


def matching(
    asked: Filter,
    columns: Snapshot,
    leaves: Sequence[bytes],
    named: "Named",
    first: int,
    check: Callable[[], None],
) -> Places:
    """Entries from `first` on. `check` is called now and then, and may raise to stop it."""
    start = first - columns.first
    part = slice(start, columns.size)
    mask = np.ones(columns.size - start, dtype=bool)
    if asked.kinds:
        wanted = [place for place, kind in enumerate(KINDS) if kind in asked.kinds]
        mask &= np.isin(columns.kinds[part], wanted)
    if asked.since is not None:
        mask &= columns.times[part] >= asked.since
    if asked.until is not None:
        mask &= columns.times[part] <= asked.until
    for numbers in named.nodes:
        mask &= np.isin(columns.nodes[part], numbers)
    for text, known_as in zip(asked.texts, named.texts, strict=True):
        check()
        known = np.isin(columns.nodes[part], known_as.nodes)
        known |= np.isin(columns.subjects[part], known_as.subjects)
        _look_inside(text, leaves, first, mask & ~known, known, check)
        mask &= known
    return np.flatnonzero(mask).astype(np.int64) + first


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of the names that a text is found in."""

    nodes: tuple[int, ...]
    subjects: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A filter's words, looked up in the columns' names once."""

    nodes: tuple[tuple[int, ...], ...]
    texts: tuple[Numbers, ...]


def look_up(
    asked: Filter,
    node_names: Sequence[str],
    subject_names: Sequence[str],
    called: Callable[[str], str],
) -> Named:
    """`called` gives what a subject is called besides, like the name of a model's digest."""
    spoken = [f"{each}\n{called(each)}".casefold() for each in subject_names] if asked.texts else []
    return Named(
        tuple(_containing(text, node_names) for text in asked.nodes),
        tuple(
            Numbers(_containing(text, node_names), _containing(text, spoken))
            for text in asked.texts
        ),
    )


def _containing(text: str, names: Sequence[str]) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate(names) if text in name.casefold())


def _look_inside(
    text: str,
    leaves: Sequence[bytes],
    first: int,
    left: NDArray[np.bool_],
    found: NDArray[np.bool_],
    check: Callable[[], None],
) -> None:
    """Mark in `found` those of `left` whose exact bytes hold the text: digests, reasons, leases."""
    needle = text.encode()
    for count, place in enumerate(np.flatnonzero(left)):
        if count % _STEP == 0:
            check()
        leaf = leaf_at_hand(leaves, first + int(place))
        if leaf is not None and needle in leaf:
            found[place] = True


def _moment(name: str, text: str) -> int:
    for form in _FORMS:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    raise BadFilter(
        _("“{text}” is no time").format(text=text),
        found=text,
        expected=_("{name}:2026-11-29 or {name}:2026-11-29T10:00, in UTC").format(name=name),
    )
