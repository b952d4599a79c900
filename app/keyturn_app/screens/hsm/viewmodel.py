"""The HSM page as frozen values. No Qt in here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keyturn.ceremony.tokeninventory import (
    KeyAttribute,
    KeyOrigin,
    KeyState,
    ListedKek,
    ListedKey,
    TokenInventory,
)
from keyturn.ceremony.tokenreport import Check, Level
from keyturn.client.hsm import HsmSaid, ReportSaid
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.hsm.aboutreport import NOTHING_TO_SAY, OLD_REPORT, Notice, notice_of
from keyturn_app.screens.hsm.lineage import Lineage
from keyturn_app.screens.hsm.words import (
    assurance_look,
    key_name,
    level_look,
    origin_word,
    part_word,
    profile_text,
    profile_word,
    software_log_key_text,
    state_look,
    state_text,
    worth,
)
from keyturn_app.states import Look

OLD_READING = timedelta(minutes=10)
"""What was read longer ago than this is called old."""


class Section(Enum):
    KEYS = "keys"
    PREFLIGHT = "preflight"
    LINEAGE = "lineage"


@dataclass(frozen=True, slots=True)
class Tile:
    """`opens`: what pressing it shows: a section's name, or a key's id."""

    name: str
    title: str
    figure: str
    text: str
    look: Look
    opens: str


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A KEK, or a pair with both halves. `id` is the key's."""

    id: str
    name: str
    look: Look
    profile: str
    origin: str
    attributes: Look
    known: Look
    as_made: bool = True
    in_force: bool = True
    """False: a pair that no statement of keys in force names."""

    @property
    def texts(self) -> tuple[str, ...]:
        return (
            self.name,
            self.look.word,
            self.profile,
            self.origin,
            self.attributes.word,
            self.known.word,
            wording.digest(self.id),
        )


@dataclass(frozen=True, slots=True)
class Half:
    """One object on the token, with what it says of itself: (name, value, whether as made)."""

    title: str
    attributes: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    id: str
    title: str
    look: Look
    text: str
    worth: str
    facts: tuple[tuple[str, str, bool], ...]
    halves: tuple[Half, ...]
    known: str
    is_kek: bool = False


@dataclass(frozen=True, slots=True)
class CheckRow:
    name: str
    look: Look
    found: str
    expected: str
    hint: str

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.look.word, self.name, self.found, self.expected, self.hint)


@dataclass(frozen=True, slots=True)
class PreflightView:
    """`whence`: whose word the report is. `notice`: which token it is about, and what is wrong."""

    look: Look
    title: str
    text: str
    whence: str
    digest: str
    rows: tuple[CheckRow, ...]
    counts: tuple[tuple[str, str, int, bool], ...]
    notice: Notice = NOTHING_TO_SAY
    from_file: bool = False


@dataclass(frozen=True, slots=True)
class LineageView:
    """`marked`: the spot chosen and all that belongs to it. `note`: what is missing."""

    lineage: Lineage
    selected: str | None = None
    marked: frozenset[str] = frozenset()
    summary: str = ""
    note: str = ""
    spoken: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    title: str
    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WhyNot:
    refresh: str = ""
    open_report: str = ""


@dataclass(frozen=True, slots=True)
class HsmView:
    section: Section
    tiles: tuple[Tile, ...] = ()
    rows: tuple[KeyRow, ...] = ()
    note: str = ""
    selected: str | None = None
    detail: Detail | None = None
    preflight: PreflightView | None = None
    lineage: LineageView = LineageView(Lineage())
    empty: Empty | None = None
    no_report: Empty | None = None
    problem: str = ""
    old: str = ""
    why_not: WhyNot = WhyNot()


def tiles_of(said: HsmSaid, named: Mapping[str, str], now: datetime) -> tuple[Tile, ...]:
    inventory, report = said.inventory, said.preflight
    return (
        _token_tile(inventory),
        _kek_tile(inventory),
        _keys_tile(inventory, named),
        _workers_tile(inventory),
        _preflight_tile(report, now),
    )


def _token_tile(inventory: TokenInventory) -> Tile:
    look, vendor = assurance_look(inventory.assurance), inventory.vendor
    maker = vendor.name if vendor.tested else _("{vendor}, not tested").format(vendor=vendor.name)
    text = f"{inventory.token.label} · {maker}"
    return Tile("token", _("Token"), look.word, text, look, Section.KEYS.value)


def _kek_tile(inventory: TokenInventory) -> Tile:
    active = inventory.active
    if active is None:
        look = Look(_("None active"), "danger", "octagon-x")
        return Tile("kek", "KEK", _("None"), look.word, look, Section.KEYS.value)
    look = state_look(active.state)
    return Tile("kek", "KEK", look.word, profile_word(active.profile), look, active.id)


def _keys_tile(inventory: TokenInventory, named: Mapping[str, str]) -> Tile:
    rows = rows_of(inventory, named)
    wrong = sum(not each.as_made for each in rows)
    unnamed = sum(not each.in_force for each in rows)
    text, look = _("as made"), Look("", "ok", "key-round")
    if wrong:
        text = n_("{count} not as made", "{count} not as made", wrong)
        look = Look("", "danger", "octagon-x")
    elif unnamed:
        text = n_("{count} not in force", "{count} not in force", unnamed)
        look = Look("", "danger", "octagon-x")
    elif any(each.in_software for each in inventory.keys):
        text, look = _("software log key"), Look("", "stale", "triangle-alert")
    return Tile("keys", _("Keys"), f"{len(rows)}", text, look, Section.KEYS.value)


def _workers_tile(inventory: TokenInventory) -> Tile:
    workers = inventory.workers
    if workers is None:
        look = Look("", "unknown", "circle-help")
        return Tile("workers", _("Workers"), "–", _("not said"), look, Section.KEYS.value)
    locked = workers.memory_locked
    text = _("memory locked") if locked else _("memory not locked")
    look = Look("", "ok" if locked else "stale", "cpu" if locked else "triangle-alert")
    return Tile("workers", _("Workers"), f"{workers.count}", text, look, Section.KEYS.value)


def _preflight_tile(said: ReportSaid | None, now: datetime) -> Tile:
    if said is None:
        look = Look("", "unknown", "circle-help")
        text = _("no report here")
        return Tile("preflight", _("Pre-flight"), "–", text, look, Section.PREFLIGHT.value)
    look = level_look(said.report.level)
    text = wording.ago(said.report.time, now)
    if now - said.report.time > OLD_REPORT and said.report.level is Level.GREEN:
        look = Look(look.word, "stale", "triangle-alert")
    return Tile("preflight", _("Pre-flight"), look.word, text, look, Section.PREFLIGHT.value)


def rows_of(inventory: TokenInventory, named: Mapping[str, str]) -> tuple[KeyRow, ...]:
    """KEKs, newest first, then pairs. `named`: purposes by key id, of the keys in force."""
    keks = tuple(_kek_row(each) for each in reversed(inventory.keks))
    pairs: dict[str, list[ListedKey]] = {}
    for each in inventory.keys:
        pairs.setdefault(each.label, []).append(each)
    return (*keks, *(_pair_row(halves, named) for halves in pairs.values()))


def _kek_row(kek: ListedKek) -> KeyRow:
    return KeyRow(
        kek.id,
        "KEK",
        state_look(kek.state),
        profile_word(kek.profile),
        origin_word(kek.origin),
        _attributes_look(kek.attributes),
        Look(_("The token"), "unknown", "circle-help"),
        all(each.as_made for each in kek.attributes),
    )


def _pair_row(halves: list[ListedKey], named: Mapping[str, str]) -> KeyRow:
    first = halves[0]
    whole = tuple(a for half in halves for a in half.attributes)
    in_force = all(each.id in named for each in halves)
    known = Look(_("Keys statement"), "ok", "badge-check")
    state = state_look(KeyState.ACTIVE)
    if not in_force:
        known = Look(_("No statement"), "danger", "octagon-x")
        state = Look(_("Not in use"), "unknown", "circle-minus")
    return KeyRow(
        first.id,
        key_name(first.label, in_software=first.in_software),
        state,
        _("In the workers' memory") if first.in_software else _leaves(whole),
        _born(whole),
        _attributes_look(whole),
        known,
        all(each.as_made for each in whole),
        in_force,
    )


def _leaves(attributes: tuple[KeyAttribute, ...]) -> str:
    """What the private half says of leaving the token."""
    said = {each.name: each.value for each in attributes}
    if said.get("NEVER_EXTRACTABLE") == "True":
        return _("Never extractable")
    return _("Extractable") if said.get("EXTRACTABLE") == "True" else "–"


def _born(attributes: tuple[KeyAttribute, ...]) -> str:
    said = {each.name: each.value for each in attributes}
    return origin_word(KeyOrigin.MADE) if said.get("LOCAL") == "True" else "–"


def _attributes_look(attributes: tuple[KeyAttribute, ...]) -> Look:
    if not attributes:
        return Look(_("None"), "unknown", "circle-minus")
    wrong = sum(not each.as_made for each in attributes)
    if wrong:
        return Look(n_("{count} not as made", "{count} not as made", wrong), "danger", "octagon-x")
    return Look(_("As made"), "ok", "circle-check")


def detail_of(
    inventory: TokenInventory, selected: str | None, named: Mapping[str, str]
) -> Detail | None:
    for kek in inventory.keks:
        if kek.id == selected:
            return _kek_detail(inventory, kek)
    halves = [each for each in inventory.keys if each.id == selected]
    return _pair_detail(inventory, halves, named) if halves else None


def _kek_detail(inventory: TokenInventory, kek: ListedKek) -> Detail:
    halves = (Half(_("Attributes"), _lines(kek.attributes)),) if kek.attributes else ()
    return Detail(
        kek.id,
        "KEK",
        state_look(kek.state),
        state_text(kek.state),
        worth(inventory.assurance),
        (
            (_("KEK id"), kek.id, True),
            (_("Profile"), profile_word(kek.profile), False),
            ("", profile_text(kek.profile), False),
            (_("Came here"), origin_word(kek.origin), False),
        ),
        halves,
        _("The id is computed with the key, in the token; ceremonies record it."),
        is_kek=True,
    )


def _pair_detail(
    inventory: TokenInventory, halves: list[ListedKey], named: Mapping[str, str]
) -> Detail:
    row = _pair_row(halves, named)
    known = (
        _("The statement of keys in force names this public key: that is proved.")
        if row.in_force
        else _("No statement of keys in force names it: nothing that it signs or opens counts.")
    )
    return Detail(
        row.id,
        row.name,
        row.look,
        f"{known} {software_log_key_text()}" if halves[0].in_software else known,
        worth(inventory.assurance),
        ((_("Key id"), row.id, True), (_("Label"), halves[0].label, True)),
        tuple(Half(part_word(each.part), _lines(each.attributes)) for each in halves),
        _("Key ids are digests of the public half."),
    )


def _lines(attributes: tuple[KeyAttribute, ...]) -> tuple[tuple[str, str, bool], ...]:
    return tuple((each.name, each.value, each.as_made) for each in attributes)


def preflight_view(
    said: ReportSaid,
    here: TokenInventory | None,
    now: datetime,
    *,
    only: frozenset[str] = frozenset(),
    from_file: bool = False,
) -> PreflightView:
    """`here`: the token that is open; `only`: levels to show."""
    report = said.report
    look = level_look(report.level)
    tested = _("tested") if report.vendor.tested else _("not tested here")
    title = f"{report.token.label} · {report.token.manufacturer} {report.token.model}"
    text = _("{module} · {vendor} ({tested}) · {age}").format(
        module=report.module,
        vendor=report.vendor.name,
        tested=tested,
        age=wording.ago(report.time, now),
    )
    shown = [each for each in report.checks if not only or each.level.value in only]
    return PreflightView(
        look,
        title,
        text,
        _("Read from a file on this machine; nothing signs it.")
        if from_file
        else _("The keyholder's word, forwarded by the server; nothing signs it."),
        said.digest,
        tuple(_check_row(each) for each in shown),
        tuple(
            (
                level.value,
                level_look(level).word,
                len(report.of_level(level)),
                level.value in only,
            )
            for level in reversed(Level)
        ),
        notice_of(report, here, now),
        from_file,
    )


def _check_row(check: Check) -> CheckRow:
    name = check.name[:1].upper() + check.name[1:]
    return CheckRow(name, level_look(check.level), check.found, check.expected, check.hint)
