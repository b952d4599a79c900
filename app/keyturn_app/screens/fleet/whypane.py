"""The explanation in the drawer: each fault, who set what it misses, and the ways out of it."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QFrame, QLabel, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.theme import css
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, clear, column, frame, label, over, row
from keyturn_app.screens.fleet.explained import FaultView, RepairView, WhyView
from keyturn_app.screens.fleet.repairwords import Step
from keyturn_app.screens.fleet.sidepane import SidePane

FAULTS = 4
"""Shown here at most; the evidence viewer has all."""


class WhyCalls:
    """What the pane asks for."""

    def __init__(
        self,
        repair: Callable[[int], None],
        select: Callable[[str], None],
        copy: Callable[[str], None],
        export: Callable[[], None],
        stop: Callable[[], None],
    ) -> None:
        self.repair, self.select, self.copy, self.export = repair, select, copy, export
        self.stop = stop


def _text(text: str, *classes: str, name: str = "", selectable: bool = False) -> QLabel:
    made = label(text, *classes, wrap=True, name=name, selectable=selectable)
    made.setMinimumWidth(20)
    return made


class WhyPane(QWidget):
    """Made anew only when the explanation is another one: what one reads stays where it is."""

    def __init__(self, calls: WhyCalls) -> None:
        super().__init__()
        self.setObjectName("fleet.why")
        self.setAccessibleName(_("Why it was refused"))
        self._calls = calls
        self._shown: WhyView | None = None
        self._note = _text("", "Muted", "Small", name="fleet.why.note")
        self._stop = button(_("Stop"), name="fleet.why.stop", kind="link", clicked=calls.stop)
        self._rows = column(spacing=12)
        self.setLayout(column(self._rows, self._note, row(self._stop, None), spacing=8))
        self.hide()

    def show_view(self, view: WhyView | None) -> None:
        self.setVisible(view is not None and (view.loading or bool(view.note) or _says(view)))
        if view is None:
            return
        note = _("Finding out why…") if view.loading else view.note
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._stop.setVisible(view.comparing)
        before = self._shown
        if before is not None and _same(before, view):
            return
        self._shown = view
        clear(self._rows)
        for place, fault in enumerate(view.faults[:FAULTS]):
            self._rows.addWidget(self._fault(fault, place))
        more = len(view.faults) - FAULTS
        if more > 0:
            text = n_(
                "{count} more check failed: see Evidence.",
                "{count} more checks failed: see Evidence.",
                more,
            )
            self._rows.addWidget(_text(text, "Second", "Small", name="fleet.why.more"))
        for text in view.told:
            self._rows.addWidget(_text(text, "Second", "Small", selectable=True))
        if view.repairs:
            self._add_repairs(view.repairs)
        if _says(view):
            self._rows.addWidget(self._take_away())

    # ---- faults ----

    def _fault(self, view: FaultView, place: int) -> QWidget:
        name = f"fleet.why.fault.{place}"
        head = row(spacing=8)
        head.addWidget(IconLabel("octagon-x", "danger", 16))
        head.addWidget(_text(view.title, "Strong"), 1)
        head.addWidget(
            button(
                "",
                name=f"{name}.copy",
                kind="ghost",
                icon_name="copy",
                tip=_("Copy found and expected"),
                clicked=lambda: self._calls.copy(_both(view)),
            )
        )
        sides = SidePane(name=f"{name}.sides")
        sides.show_parts(view.parts, digits=view.hex)
        inside = column(head, sides, spacing=6, margins=(8, 8, 8, 10))
        inside.addWidget(_text(view.code, "Mono", "Muted", name=f"{name}.code", selectable=True))
        if view.hint:
            inside.addWidget(_text(view.hint, "Second", "Small"))
        for text in view.source:
            inside.addWidget(_text(text, "Muted", "Small", selectable=True))
        self._add_nodes(inside, view.shared_text, view.shared, f"{name}.shared")
        self._add_nodes(inside, view.passed_text, view.passed, f"{name}.passed")
        made = frame(inside, "Raised", name=name)
        made.setAccessibleName(_("Not met: {check}").format(check=view.title))
        return made

    def _add_nodes(self, into: object, text: str, names: Sequence[str], name: str) -> None:
        if not text:
            return
        links = column(spacing=0)
        for place, each in enumerate(names):
            link = button(
                each,
                name=f"{name}.{place}",
                kind="link",
                tip=_("Select this node"),
                clicked=partial(self._calls.select, each),
            )
            links.addLayout(row(link, None))
        holder = QWidget()
        holder.setLayout(column(_text(text, "Second", "Small"), links, spacing=2))
        into.addWidget(holder)  # type: ignore[attr-defined]

    # ---- repairs ----

    def _add_repairs(self, repairs: Sequence[RepairView]) -> None:
        first, others = repairs[0], repairs[1:]
        self._rows.addWidget(over(_("Safest way out")))
        self._rows.addWidget(self._repair(first, primary=True))
        if others:
            self._rows.addWidget(over(_("Other ways")))
        for each in others:
            self._rows.addWidget(self._repair(each, primary=False))

    def _repair(self, view: RepairView, *, primary: bool) -> QFrame:
        name = f"fleet.why.repair.{view.place}"
        inside = column(spacing=6, margins=(12, 10, 10, 12))
        inside.addWidget(_text(view.title, "Strong", name=f"{name}.title"))
        inside.addWidget(_text(view.why, "Second", "Small"))
        risk = row(spacing=6)
        risk.addWidget(IconLabel("shield-alert", view.risk_token, 14))
        words = _text(view.risk, "Small")
        words.setStyleSheet(f"color: {css(view.risk_token)}")
        risk.addWidget(words, 1)
        inside.addLayout(risk)
        for place, each in enumerate(view.steps):
            self._add_step(inside, each, f"{name}.step.{place}")
        if view.button:
            self._add_button(inside, view, name, primary=primary)
        made = frame(inside, "Raised", name=name)
        made.setAccessibleName(view.title)
        made.setAccessibleDescription(f"{view.why} {view.risk}")
        return made

    def _add_button(self, into: object, view: RepairView, name: str, *, primary: bool) -> None:
        press = button(
            view.button,
            name=f"{name}.do",
            kind="primary" if primary else "",
            icon_name="copy" if view.copied else "",
            tip=view.why_not,
            clicked=lambda: self._do(view),
        )
        press.setEnabled(not view.why_not)
        into.addWidget(press)  # type: ignore[attr-defined]
        if view.why_not:
            into.addWidget(_text(view.why_not, "Muted", "Small"))  # type: ignore[attr-defined]

    def _do(self, view: RepairView) -> None:
        if view.copied:
            self._calls.copy(view.copied)
        else:
            self._calls.repair(view.place)

    def _add_step(self, into: object, step: Step, name: str) -> None:
        into.addWidget(_text(step.text, "Small"))  # type: ignore[attr-defined]
        if not step.command:
            return
        line = row(spacing=4)
        line.addWidget(_text(step.command, "Mono", name=name, selectable=True), 1)
        line.addWidget(
            button(
                "",
                name=f"{name}.copy",
                kind="ghost",
                icon_name="copy",
                tip=_("Copy the command"),
                clicked=lambda: self._calls.copy(step.command),
            )
        )
        into.addLayout(line)  # type: ignore[attr-defined]

    def _take_away(self) -> QWidget:
        press = button(
            _("Export the explanation…"),
            name="fleet.why.export",
            kind="link",
            tip=plain(_("A zip that proves it without a server; it holds no secret")),
            clicked=self._calls.export,
        )
        holder = QWidget()
        holder.setLayout(row(press, None))
        return holder


def _says(view: WhyView) -> bool:
    return bool(view.faults or view.told or view.repairs)


def _same(one: WhyView, other: WhyView) -> bool:
    return (one.faults, one.repairs, one.told) == (other.faults, other.repairs, other.told)


def _both(view: FaultView) -> str:
    return f"{view.title}\n{_('found')}     {view.found}\n{_('expected')}  {view.expected}"
