"""The HSM page's presenter: asks the server, opens a report, follows a key. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.tokenreport import REPORT_LIMIT, parse_report, report_digest
from keyturn.client.errors import ServerRefused
from keyturn.client.hsm import HsmSaid, ReportSaid
from keyturn.client.offline import read_file
from keyturn.quorum.kinds import Role
from keyturn_app import wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.entitled import not_allowed, not_asking
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenFile, failure
from keyturn_app.screens.hsm.lineage import Lineage, Way, lineage_of, related, step
from keyturn_app.screens.hsm.viewmodel import (
    OLD_READING,
    Empty,
    HsmView,
    LineageView,
    PreflightView,
    Section,
    WhyNot,
    detail_of,
    preflight_view,
    rows_of,
    tiles_of,
)
from keyturn_app.tasks import Door, Job, Progress

READERS = (Role.PROPOSER, Role.APPROVER, Role.OPERATOR, Role.AUDITOR, Role.CUSTODIAN)
_TOPICS = (Topic.CONNECTION, Topic.IDENTITY, Topic.SEEN, Topic.MODELS, Topic.NODES)
_CHANGES = frozenset({"ceremony", "in-force"})
_NOT_FOUND = 404
COMMAND = "keyturn hsm preflight --token-label LABEL -o preflight.json"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A report from a file."""

    name: str
    said: ReportSaid


class HsmPresenter(Presenter[HsmView]):
    def __init__(self, desk: Desk, door: Door, asker: Asker) -> None:
        super().__init__()
        self._desk, self._door, self._asker = desk, door, asker
        self._said: HsmSaid | None = None
        self._error: KeyturnError | None = None
        self._opened: _Opened | None = None
        self._section = Section.KEYS
        self._selected: str | None = None
        self._spot: str | None = None
        self._line = ""
        self._only: frozenset[str] = frozenset()
        self._asking = False
        self._job: Job | None = None
        self._event = self._newest_event()
        self._could = not not_asking(desk)
        self.keep(desk.subscribe(self._changed, *_TOPICS, Topic.HAPPENINGS))

    # ---- showing ----

    def view(self) -> HsmView:
        trusted = self._desk.facts.trusted
        said = self._said if trusted else None
        now = self._desk.now()
        base = HsmView(
            self._section,
            preflight=self._preflight(said, now),
            lineage=self._lineage(said),
            no_report=self._no_report(),
            problem=self._problem(said),
            why_not=self.why_not(),
        )
        if said is None:
            return replace(base, empty=self._nothing_known())
        named = self._named(now)
        rows = rows_of(said.inventory, named)
        return replace(
            base,
            tiles=tiles_of(said, named, now),
            rows=rows,
            note=_note(said),
            selected=self._selected,
            detail=detail_of(said.inventory, self._selected, named),
            empty=None if rows else _no_keys(),
            old=self._old(said, now),
        )

    def why_not(self) -> WhyNot:
        return WhyNot(refresh=not_allowed(self._desk, *READERS) or self._busy())

    def _busy(self) -> str:
        return _("The token is being read.") if self._asking else ""

    def _named(self, now: datetime) -> dict[str, str]:
        """Purposes by key id, of the keys in force as the log proves them."""
        seen = self._desk.facts.seen
        keys = None if seen is None else seen.state.keys(now)
        if keys is None:
            return {}
        return {entry.key_id: purpose.value for purpose, entry in keys.keys.items()}

    def _problem(self, said: HsmSaid | None) -> str:
        return "" if self._error is None or said is None else wording.error_text(self._error)

    def _old(self, said: HsmSaid, now: datetime) -> str:
        """Why what is shown is not of now (I10); empty while it is."""
        age = now - said.inventory.time
        link = self._desk.facts.connection.link
        if link not in (Link.LIVE, Link.STALE) or self._desk.identity.locked:
            return _("Not connected: this is what the token said {age}.").format(
                age=wording.ago(said.inventory.time, now)
            )
        if age > OLD_READING:
            return _("The keyholder read its token {age}.").format(
                age=wording.ago(said.inventory.time, now)
            )
        return ""

    def _nothing_known(self) -> Empty:
        facts = self._desk.facts
        if not facts.trusted:
            return Empty(_("Server not believed"), _("Nothing that it says is shown as fact."))
        if self._desk.facts.connection.link is Link.STATION:
            text = _("A station asks no server. A pre-flight report can be opened from a file.")
            return Empty(_("No token is known here"), text)
        reason = not_allowed(self._desk, *READERS)
        if reason and not self._asking:
            return Empty(_("Nothing known"), reason)
        if self._error is not None:
            return self._not_told(self._error)
        return Empty(_("Asking the keyholder"), _("Its workers read every key on the token."))

    def _not_told(self, error: KeyturnError) -> Empty:
        if isinstance(error, ServerRefused) and error.status == _NOT_FOUND:
            text = _("This server's keyholder tells nothing of its token.")
            return Empty(_("Nothing is told"), text)
        return Empty(_("The token cannot be read"), wording.error_text(error))

    # ---- pre-flight ----

    def _preflight(self, said: HsmSaid | None, now: datetime) -> PreflightView | None:
        here = None if said is None else said.inventory
        if self._opened is not None:
            return preflight_view(self._opened.said, here, now, only=self._only, from_file=True)
        if said is None or said.preflight is None:
            return None
        return preflight_view(said.preflight, here, now, only=self._only)

    def _no_report(self) -> Empty:
        return Empty(
            _("No pre-flight report"),
            _(
                "Before a ceremony the token is tried: mechanisms by use, limits by trying to "
                "break them. Run it on the keyholder's machine, and put the report beside its "
                "settings, or open it from a file."
            ),
            (COMMAND,),
        )

    def toggle(self, level: str) -> None:
        self._only = self._only ^ {level}
        self.changed()

    def open_report(self) -> None:
        """A report in a file, whoever carried it here."""
        patterns = (_("Pre-flight reports (*.json)"),)
        self._asker.path(OpenFile(_("Open a pre-flight report"), patterns), self._read)

    def close_report(self) -> None:
        """Back to what the keyholder tells."""
        self._opened = None
        self.changed()

    def _read(self, path: Path | None) -> None:
        if path is None:
            return
        label = _("Reading {name}").format(name=path.name)

        def work(_job: Job, _tell: Callable[[Progress], None]) -> ReportSaid:
            raw = read_file(path, REPORT_LIMIT)
            return ReportSaid(parse_report(raw), report_digest(raw))

        def done(said: ReportSaid) -> None:
            self._job = None
            self._opened = _Opened(path.name, said)
            self._section = Section.PREFLIGHT
            self.changed()

        def failed(error: KeyturnError) -> None:
            self._job = None
            self._asker.tell(failure(_("No pre-flight report"), error))

        self._job = self._door.run(label, work, done=done, failed=failed)

    # ---- lineage ----

    def _lineage(self, said: HsmSaid | None) -> LineageView:
        drawn = self._drawn(said)
        marked = related(drawn, self._spot)
        at = drawn.find(self._spot)
        return LineageView(
            drawn,
            None if at is None else at.id,
            marked,
            drawn.summary,
            self._missing(said),
            drawn.summary if at is None else at.spoken,
        )

    def _drawn(self, said: HsmSaid | None) -> Lineage:
        facts = self._desk.facts
        if not facts.trusted:
            return Lineage()
        models = () if facts.models is None else facts.models.all
        nodes = () if facts.nodes is None else facts.nodes.all
        inventory = None if said is None else said.inventory
        return lineage_of(inventory, models, nodes, self._line)

    def _missing(self, said: HsmSaid | None) -> str:
        facts = self._desk.facts
        if not facts.trusted:
            return _("Nothing that the server says is shown as fact.")
        parts = [_denied(facts)]
        if said is None:
            parts.append(_("The token is not known here."))
        if facts.models is not None and not any(e.has_wrapped_key for e in facts.models.all):
            parts.append(_("No model's DEK is kept yet."))
        text = " ".join(each for each in parts if each)
        proved = _(
            "Solid: proved by the log. Dashed: said. Many nodes stand as one; filter to see them."
        )
        return text or proved

    def filter_line(self, text: str) -> None:
        self._line = text
        self.changed()

    def select_spot(self, spot: str | None) -> None:
        self._spot = spot
        self.changed()

    def step_spot(self, way: Way) -> None:
        self._spot = step(self._drawn(self._said), self._spot, way)
        self.changed()

    # ---- asking ----

    def load(self) -> None:
        """Ask for everything, unless that is under way or cannot be."""
        if self._asking or not_allowed(self._desk, *READERS):
            self.changed()
            return
        self._asking = True
        self.keep(self._desk.ask(lambda client: client.hsm(), done=self._got, failed=self._failed))
        self.changed()

    def shown(self) -> None:
        if self._said is None or self._desk.now() - self._said.inventory.time > OLD_READING:
            self.load()

    def _got(self, said: HsmSaid) -> None:
        self._asking, self._error, self._said = False, None, said
        self.changed()

    def _failed(self, error: KeyturnError) -> None:
        self._asking, self._error = False, error
        self.changed()

    def _changed(self, _topics: frozenset[Topic]) -> None:
        newest, could = self._newest_event(), not not_asking(self._desk)
        news = newest != self._event or could != self._could
        self._event, self._could = newest, could
        if could and news:
            self.load()
        else:
            self.changed()

    def _newest_event(self) -> int:
        found = [each.id for each in self._desk.facts.happenings if each.kind in _CHANGES]
        return max(found, default=0)

    # ---- what the officer does ----

    def open(self, target: str) -> None:
        """A section's name, or a key's id."""
        if target in {each.value for each in Section}:
            self._section = Section(target)
        elif target:
            self._section, self._selected = Section.KEYS, target
        self.changed()

    def select(self, key: str | None) -> None:
        self._selected = key
        self.changed()

    def follow(self) -> None:
        """Show what hangs on the key that is selected."""
        self._section, self._spot = Section.LINEAGE, self._selected
        self.changed()

    def close(self) -> None:
        if self._job is not None:
            self._job.drop()
        super().close()


def _note(said: HsmSaid) -> str:
    inventory = said.inventory
    token = inventory.token
    return _(
        "Said by the token, forwarded by keyholder and server, signed by nobody: {maker} {model}, "
        "serial {serial}, {module}"
    ).format(
        maker=token.manufacturer,
        model=token.model,
        serial=token.serial,
        module=inventory.module,
    )


def _no_keys() -> Empty:
    return Empty(_("No keys on the token"), _("They are made at the genesis ceremony."))


def _denied(facts: Facts) -> str:
    if "models" in facts.denied or "nodes" in facts.denied:
        return _("Your roles do not include models and nodes: only KEKs are shown.")
    if facts.models is None or facts.nodes is None:
        return _("Models and nodes are not known yet.")
    return ""
