"""Values that were found, each with a check box, and the events of a log."""

from functools import partial

from PySide6.QtWidgets import QCheckBox, QFrame, QHeaderView, QLabel, QSizePolicy

from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.cells import Cell, CellModel, CellRow
from keyturn_app.qtkit.tables import Table
from keyturn_app.qtkit.tokens import HEADER, ROW
from keyturn_app.qtkit.widgets import button, card, clear, column, frame, label, over, row
from keyturn_app.screens.baselines.new import NewPresenter
from keyturn_app.screens.baselines.newview import EventView, NewView, PickView

EVENTS_SHOWN = 8


class PickCard(QFrame):
    """The second card of a draft; hidden while nothing was read."""

    def __init__(self, presenter: NewPresenter) -> None:
        super().__init__()
        self.setObjectName("new.values")
        self._presenter = presenter
        self._shape: tuple[object, ...] = ()
        self._boxes: dict[str, QCheckBox] = {}
        self._notes: dict[str, tuple[QLabel, QLabel]] = {}
        self._sets = column(spacing=14)
        self._events = EventsTable(presenter)
        inside = card(
            over(_("Values to take")),
            label(
                _("Each value that is ticked goes into the draft, as it stands here."),
                "Small",
                "Second",
                wrap=True,
            ),
            self._sets,
            self._events,
            spacing=10,
        )
        self.setLayout(column(inside, spacing=0))

    def show_view(self, view: NewView) -> None:
        self.setVisible(bool(view.sets))
        shape = tuple(
            (each.key, each.title, each.more, tuple((i.key, i.value) for i in each.items))
            for each in view.sets
        )
        if shape != self._shape:
            self._shape = shape
            self._build(view)
        for each in view.sets:
            self._show_set(each)
        self._events.show_events(view.events)

    # ---- inside ----

    def _build(self, view: NewView) -> None:
        clear(self._sets)
        self._boxes, self._notes = {}, {}
        for each in view.sets:
            self._sets.addWidget(self._set(each))

    def _set(self, shown: PickView) -> QFrame:
        title = label(shown.title, "Strong", wrap=True, selectable=True)
        count = label("", "Small", "Second", name=f"new.count.{shown.key}")
        warning = label("", "Small", "Warn", wrap=True)
        self._notes[shown.key] = (count, warning)
        head = row(title, count, spacing=10)
        head.setStretch(0, 1)
        if shown.count > 1:
            for text, taken in ((_("All"), True), (_("None"), False)):
                made = button(
                    text,
                    name=f"new.{'all' if taken else 'none'}.{shown.key}",
                    kind="link",
                    clicked=partial(self._presenter.tick_set, shown.key, taken),
                )
                made.setAccessibleName(f"{text}: {shown.title}")
                head.addWidget(made)
        source = label(shown.source, "Small", "Second", wrap=True, selectable=True)
        rows = column(spacing=4)
        for each in shown.items:
            box = QCheckBox(each.what)
            box.setObjectName(f"new.take.{each.key}")
            box.setAccessibleName(f"{each.what}: {each.value}")
            box.setMinimumWidth(176)
            box.toggled.connect(lambda on, key=each.key: self._presenter.tick(key, on))
            self._boxes[each.key] = box
            text = each.value if not each.said else f"{each.value}\n{each.said}"
            value = label(text, "Mono", wrap=True, selectable=True)
            value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            inside = row(box, value, spacing=8)
            inside.setStretch(1, 1)
            rows.addLayout(inside)
        if shown.more:
            more = button(
                n_("Show {count} more", "Show {count} more", shown.more),
                name=f"new.unfold.{shown.key}",
                kind="link",
                clicked=partial(self._presenter.unfold, shown.key),
            )
            rows.addLayout(row(more, None))
        return frame(column(head, source, warning, rows, spacing=6))

    def _show_set(self, shown: PickView) -> None:
        count, warning = self._notes[shown.key]
        count.setText(_("{ticked} of {count}").format(ticked=shown.ticked, count=shown.count))
        warning.setText(shown.warning)
        warning.setVisible(bool(shown.warning))
        for each in shown.items:
            box = self._boxes[each.key]
            if box.isChecked() != each.ticked:
                box.blockSignals(True)
                box.setChecked(each.ticked)
                box.blockSignals(False)


class EventsTable(QFrame):
    """Every event of the log: what it is, and whether its digest is that of its data."""

    def __init__(self, presenter: NewPresenter) -> None:
        super().__init__()
        self._shown: tuple[EventView, ...] = ()
        self._title = label("", "Strong")
        titles = [
            _("#"),
            _("PCR"),
            _("Event"),
            _("Data proved"),
            _("What it says"),
            _("Digest"),
            _("Can be taken as"),
        ]
        self._model = CellModel(titles, (0, 1))
        self._table = Table(
            name="new.events", title=_("Events of the log"), copied=presenter.copy_text
        )
        self._model.setParent(self._table)
        self._table.setModel(self._model)
        self._table.set_widths([40, 44, 180, 92, 200, 130, 170])
        self._table.activated.connect(lambda index: presenter.toggle(self._shown[index.row()].key))
        header = self._table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        hint = label(
            _(
                "Proved: the digest is that of the event's own data. What an event says is for "
                "people, and decides nothing. Enter takes the event's value, or leaves it."
            ),
            "Small",
            "Second",
            wrap=True,
        )
        self.setLayout(column(self._title, hint, self._table, spacing=6))

    def show_events(self, events: tuple[EventView, ...]) -> None:
        self.setVisible(bool(events))
        if events == self._shown:
            return
        self._shown = events
        self._title.setText(n_("{count} event", "{count} events", len(events)))
        self._model.show_rows([_event(each) for each in events])
        self._table.setFixedHeight(HEADER + min(len(events), EVENTS_SHOWN) * ROW + 2)


def _event(each: EventView) -> CellRow:
    proved = _("yes") if each.proved else _("no")
    return CellRow(
        each.index,
        (
            Cell(str(each.index), tint="text2"),
            Cell(each.register),
            Cell(each.kind),
            Cell(proved, tint="ok" if each.proved else "muted"),
            Cell(each.said, full=each.said),
            Cell(wording.digest(each.digest) or "—", mono=True, full=each.digest, tint="text2"),
            Cell(_taken(each), tint="" if each.ticked else "text2"),
        ),
    )


def _taken(each: EventView) -> str:
    if not each.taken:
        return "—"
    return _("{what}: taken").format(what=each.taken) if each.ticked else each.taken
