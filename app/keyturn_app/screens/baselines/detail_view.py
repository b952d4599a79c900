"""The drawer: one baseline. Shows a Detail and says what was asked for."""

from functools import partial

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
    Pill,
    button,
    clear,
    column,
    frame,
    label,
    line,
    row,
)
from keyturn_app.screens.baselines.details import Detail, SetView
from keyturn_app.screens.baselines.parts import section, value_row
from keyturn_app.screens.baselines.presenter import BaselinesPresenter
from keyturn_app.screens.baselines.using import Use
from keyturn_app.screens.baselines.viewmodel import BaselinesView

SHOWN_NODES = 12


class DetailView(QFrame):
    """Hidden while no baseline is chosen."""

    def __init__(self, presenter: BaselinesPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._shown: Detail | None = None
        self.setObjectName("baselines.detail")
        self.setProperty("class", "Drawer")
        self._name = label("", "H1", wrap=True, selectable=True, name="baselines.detail.name")
        close = button(
            "",
            name="baselines.detail.close",
            kind="ghost",
            icon_name="x",
            tip=_("Close"),
            clicked=lambda: presenter.select(""),
        )
        close.setFixedWidth(32)
        head = row(self._name, close, spacing=8)
        head.setStretch(0, 1)
        self._pill = Pill("", "unknown", "circle-slash", name="baselines.detail.status")
        self._version = label("", "Small", "Second", name="baselines.detail.version")
        self._note = label("", "Small", "Second", wrap=True)
        state = row(self._pill, self._version, None, spacing=10)
        top = column(head, state, self._note, spacing=8, margins=(20, 16, 16, 12))
        body = QWidget()
        body.setLayout(self._sections())
        whole = column(
            top,
            line(),
            Scroller(body, name="baselines.detail.scroll", title=_("Details")),
            line(),
            self._make_foot(),
            spacing=0,
        )
        whole.setStretch(2, 1)
        self.setLayout(whole)
        self.hide()

    def show_view(self, view: BaselinesView) -> None:
        detail = view.detail
        self.setVisible(detail is not None)
        if detail is None:
            return
        self._show_actions(view)
        if detail == self._shown:
            return
        before, self._shown = self._shown, detail
        self.setAccessibleName(_("Baseline {name}").format(name=detail.subject))
        self._name.setText(detail.subject)
        self._version.setText(detail.version)
        self._pill.show_state(detail.look.word, detail.look.token, detail.look.icon)
        self._note.setText(detail.note)
        self._note.setVisible(bool(detail.note))
        self._why.setText(detail.why)
        self._warning.say(" ".join(detail.warnings))
        self._statement.show_rows(detail.statement)
        self._entry.setVisible(bool(detail.entry))
        self._entry.setText(_("Log entry #{index}").format(index=detail.entry))
        if before is None or before.sets != detail.sets:
            self._show_sets(detail)
        if before is None or before.use != detail.use:
            self._show_use(detail.use)
        if before is None or (before.versions, before.proposals) != (
            detail.versions,
            detail.proposals,
        ):
            self._show_versions(detail)

    # ---- inside ----

    def _sections(self) -> QVBoxLayout:
        self._why = label("", wrap=True, selectable=True, name="baselines.detail.why")
        self._warning = Banner(name="baselines.detail.warning")
        self._sets = column(spacing=14)
        self._use = column(spacing=4)
        self._versions = column(spacing=2)
        self._statement = KeyValues(width=108, name="baselines.detail.statement")
        self._entry = button(
            "",
            name="baselines.detail.entry",
            kind="link",
            clicked=lambda: self._presenter.follow("log", self._entry_index()),
        )
        return column(
            section(_("Why this state"), self._why, self._warning),
            line(),
            section(_("Values"), self._sets),
            line(),
            section(_("Used by"), self._use),
            line(),
            section(_("Statement"), self._statement, right=self._entry),
            line(),
            section(_("Versions"), self._versions),
            None,
            spacing=14,
            margins=(20, 14, 16, 16),
        )

    def _make_foot(self) -> QWidget:
        presenter = self._presenter
        self._new = button(
            _("New version…"),
            name="baselines.new-version",
            icon_name="circle-plus",
            clicked=presenter.new_version,
        )
        self._compare = button(
            _("Compare…"),
            name="baselines.detail.compare",
            icon_name="git-compare-arrows",
            clicked=presenter.compare,
        )
        self._why_not = label("", "Small", "Second", wrap=True, name="baselines.why-not")
        buttons = row(self._new, self._compare, None, spacing=10)
        return frame(column(self._why_not, buttons, spacing=8, margins=(20, 12, 16, 12)))

    def _entry_index(self) -> str:
        return self._shown.entry if self._shown else ""

    def _show_actions(self, view: BaselinesView) -> None:
        actions = {each.id: each.why_not for each in view.actions}
        for which, name in (
            (self._new, "baselines.new-version"),
            (self._compare, "baselines.compare"),
        ):
            which.setEnabled(not actions[name])
            which.setToolTip(plain(actions[name]))
        self._why_not.setText(actions["baselines.new-version"])
        self._why_not.setVisible(bool(actions["baselines.new-version"]))

    def _show_sets(self, detail: Detail) -> None:
        clear(self._sets)
        for each in detail.sets:
            self._sets.addWidget(self._set(each))

    def _set(self, shown: SetView) -> QFrame:
        copy = self._presenter.copy
        rows = column(spacing=6)
        for each in shown.lines:
            rows.addLayout(
                value_row(
                    each.what,
                    each.grouped,
                    each.whole,
                    name=f"baselines.value.{each.key}",
                    copy=copy,
                    note=_("revoked") if each.revoked else "",
                )
            )
        if shown.more or shown.unfolded:
            text = _("Show fewer")
            if shown.more:
                text = n_("Show {count} more", "Show {count} more", shown.more)
            rows.addLayout(
                row(
                    button(
                        text,
                        name=f"baselines.unfold.{shown.key}",
                        kind="link",
                        clicked=lambda: self._presenter.unfold(shown.key),
                    ),
                    None,
                )
            )
        origin = KeyValues(width=108, name=f"baselines.origin.{shown.key}")
        origin.show_rows(shown.origin)
        title = label(shown.title, "Strong", wrap=True, selectable=True)
        classes = {"danger": "Danger", "stale": "Warn"}.get(shown.until.token, "Second")
        until = label(_("until: {text}").format(text=shown.until.text), "Small", classes, wrap=True)
        return frame(
            column(title, until, rows, origin, spacing=6), name=f"baselines.set.{shown.key}"
        )

    def _show_use(self, use: Use) -> None:
        clear(self._use)
        links = (
            (_("Policies"), "policies", tuple((each, each) for each in use.policies)),
            (_("Models"), "models", tuple((name, digest) for digest, name in use.models)),
        )
        for title, page, named in links:
            self._use.addLayout(self._links(title, page, named, _("none")))
        if use.nodes is None:
            text = _("not known: not looked at yet")
            self._use.addLayout(self._links(_("Nodes"), "fleet", (), text))
            return
        nodes = tuple((name, name) for name, _parts in use.nodes[:SHOWN_NODES])
        parts = {name: said for name, said in use.nodes}
        self._use.addLayout(self._links(_("Nodes"), "fleet", nodes, _("none rests on it"), parts))
        left = len(use.nodes) - len(nodes)
        if left:
            more = n_("and {count} node more", "and {count} nodes more", left)
            self._use.addWidget(label(more, "Small", "Second"))

    def _links(
        self,
        title: str,
        page: str,
        named: tuple[tuple[str, str], ...],
        none: str,
        notes: dict[str, str] | None = None,
    ) -> QVBoxLayout:
        """A title, and a link a line; `notes` beside them."""
        made = column(spacing=2)
        for place, (text, target) in enumerate(named or (("", ""),)):
            name = label(title if not place else "", "Small", "Muted")
            name.setFixedWidth(108)
            if not text:
                made.addLayout(row(name, label(none, "Second"), None))
                continue
            link = button(
                text if len(text) < 32 else f"{text[:18]}…{text[-6:]}",
                name=f"baselines.{page}.{text}",
                kind="link",
                tip=text,
                clicked=partial(self._presenter.follow, page, target),
            )
            note = label((notes or {}).get(text, ""), "Small", "Second", wrap=True)
            made.addLayout(row(name, link, note, None))
        return made

    def _show_versions(self, detail: Detail) -> None:
        clear(self._versions)
        for proposal in detail.proposals:
            link = button(
                _("Open"),
                name=f"baselines.proposal.{proposal.digest[7:15]}",
                kind="link",
                clicked=partial(self._presenter.follow, "approvals", proposal.digest),
            )
            link.setAccessibleName(_("Open the proposal: {text}").format(text=proposal.text))
            text = label(proposal.text, wrap=True)
            inside = row(Pill(_("Not in force"), "stale", "hourglass"), text, link)
            inside.setStretch(1, 1)
            self._versions.addLayout(inside)
        for each in detail.versions:
            text = label(f"{each.text} · {each.who} · {each.when}", wrap=True, selectable=True)
            compare = button(
                _("Compare"),
                name=f"baselines.version.{each.index}",
                kind="link",
                clicked=partial(self._presenter.compare_version, each.key),
            )
            compare.setAccessibleName(
                _("Compare {version} with the newest").format(version=each.text)
            )
            compare.setVisible(not each.newest)
            entry = button(
                f"#{each.index}",
                name=f"baselines.version.{each.index}.entry",
                kind="link",
                clicked=partial(self._presenter.follow, "log", str(each.index)),
            )
            entry.setAccessibleName(_("Log entry #{index}").format(index=each.index))
            inside = row(text, compare, entry)
            inside.setStretch(0, 1)
            self._versions.addLayout(inside)
        if not detail.versions and not detail.proposals:
            self._versions.addWidget(label(_("none"), "Second"))
