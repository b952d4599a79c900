"""Ten thousand nodes, updates streaming in, filter and sort on: what is shown is always right."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from keyturn.client.inventory import Node, NodeState, standing
from keyturn_app import wording
from keyturn_app.actions import Actions
from keyturn_app.desk import Topic
from keyturn_app.facts import Nodes
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.screens.fleet.columns import COLUMNS, Column
from keyturn_app.screens.fleet.view import FleetPage
from keyturn_app.states import node_look
from support import fleets
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
COUNT, FLUSHES, BATCH = 10_000, 24, 170
QUERY = "state:attested,stale,wiped -site:sin-*"


class Stream:
    """A desk whose nodes change, batch after batch."""

    def __init__(self, qtbot: QtBot) -> None:
        server = fleets.a_server()
        self.clock = server.clock
        fleet = fleets.invent(COUNT, first=len(server.leaves))
        self.nodes = {each.name: each for each in fleet.nodes}
        self.desk = InlineDesk(fleets.identity_of(server), server.client(), server.clock)
        self.desk.facts = fleets.facts_of(server, fleet)
        self.random = Random(11)
        officer = ScriptedOfficer()
        context = PageContext(
            self.desk, InlineDoor(), officer, Actions(), lambda _: None, lambda *_: None
        )
        self.page = FleetPage(context)
        qtbot.addWidget(self.page)
        self.page.resize(1256, 844)

    def flush(self) -> None:
        """As the drain of the network thread does it, thirty times a second."""
        changed = [self._changed(name) for name in self.random.sample(list(self.nodes), BATCH)]
        self.nodes.update((each.name, each) for each in changed)
        nodes = Nodes(
            tuple(self.nodes.values()), self.desk.now(), frozenset(each.name for each in changed)
        )
        self.desk.show(replace(self.desk.facts, nodes=nodes), Topic.NODES)

    def _changed(self, name: str) -> Node:
        state = self.random.choice(
            [NodeState.ATTESTED, NodeState.ATTESTED, NodeState.WIPED, NodeState.REFUSED]
        )
        silent = self.random.randrange(40)
        heard = self.desk.now() - timedelta(seconds=silent)
        return replace(self.nodes[name], state=state, age_seconds=silent, heard=heard)

    def shown(self) -> list[str]:
        model = self.page.table.fleet
        return [model.name_at(row) for row in range(model.rowCount())]


@pytest.fixture
def stream(qtbot: QtBot) -> Iterator[Stream]:
    made = Stream(qtbot)
    yield made
    made.page.close_page()


def test_every_row_is_right_after_every_flush(stream: Stream, qtbot: QtBot) -> None:
    page, model = stream.page, stream.page.table.fleet
    page.show()
    page.presenter.filter(QUERY)
    page.presenter.sort(Column.HEARD, descending=True)
    chosen = model.name_at(3)
    page.presenter.select(chosen)
    for at in range(FLUSHES):
        stream.flush()
        if at % 6 == 5:  # a second has passed
            stream.clock.advance(seconds=1)
            page.presenter.tick()
        _check_rows(stream, first=0, last=40)
        assert page.presenter.selected == chosen
        row = model.row_of(chosen)
        if row >= 0:
            assert page.table.selected_names() == [chosen]
    _check_order(stream)
    drawer = page.presenter.view().drawer
    assert drawer is not None
    assert drawer.name == chosen


def _check_rows(stream: Stream, first: int, last: int) -> None:
    model, now = stream.page.table.fleet, stream.desk.now()
    for row in range(first, min(last, model.rowCount())):
        state, silence = standing(stream.nodes[model.name_at(row)], now)
        assert silence is not None
        index = model.index(row, COLUMNS.index(Column.HEARD))
        assert index.data() == wording.age(silence)
        look = model.index(row, COLUMNS.index(Column.STATE)).data(LOOK_ROLE)
        assert look == node_look(state)


def _check_order(stream: Stream) -> None:
    """After a tick the table is what plain Python makes of the nodes."""
    stream.page.presenter.tick()
    now = stream.desk.now()
    fitting = []
    for name, node in stream.nodes.items():
        state, silence = standing(node, now)
        assert silence is not None
        wanted = (NodeState.ATTESTED, NodeState.STALE, NodeState.WIPED)
        if state in wanted and not name.startswith("sin-"):
            fitting.append((-silence, name))
    assert stream.shown() == [name for _silence, name in sorted(fitting)]


def test_changes_are_told_for_visible_rows_alone(stream: Stream, qtbot: QtBot) -> None:
    model = stream.page.table.fleet
    stream.page.show()
    told: list[tuple[int, int]] = []

    def changed(first: QModelIndex, last: QModelIndex) -> None:
        told.append((first.row(), last.row()))

    model.dataChanged.connect(changed)
    for _each in range(5):
        stream.flush()
    assert all(last < 40 for _first, last in told)
    model.dataChanged.disconnect(changed)


def test_rows_hold_still_while_the_pointer_is_over_them(stream: Stream, qtbot: QtBot) -> None:
    page = stream.page
    page.show()
    page.presenter.sort(Column.HEARD, descending=True)
    before = stream.shown()
    page.table.held.emit(True)
    stream.flush()
    page.presenter.tick()
    assert stream.shown() == before
    assert page.presenter.view().paused
    page.table.held.emit(False)
    assert stream.shown() != before


def test_a_selected_row_keeps_its_mark_through_a_new_order(stream: Stream, qtbot: QtBot) -> None:
    page = stream.page
    page.show()
    name = page.table.fleet.name_at(5)
    page.table.selectRow(5)
    page.presenter.sort(Column.NAME, descending=True)
    assert page.table.selected_names() == [name]
    page.presenter.filter("site:nowhere")
    assert page.table.selected_names() == []


def test_cells_speak(stream: Stream) -> None:
    model = stream.page.table.fleet
    index = model.index(0, COLUMNS.index(Column.STATE))
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert ", heard " in spoken
