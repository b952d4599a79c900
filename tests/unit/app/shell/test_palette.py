"""The palette: what fits how well, what it says of what cannot be done, where it leads."""

from dataclasses import replace

import pytest

from keyturn.client.inventory import NodeState
from keyturn.quorum.kinds import Kind
from keyturn_app.actions import Action, Actions
from keyturn_app.facts import Link
from keyturn_app.shell.palette import Kind as RowKind
from keyturn_app.shell.palette import PalettePresenter, score
from support.authority import Clock, policy_body
from support.desks import InlineDesk
from support.facts import node, standing_desk, with_link, with_nodes
from unit.client.scripted_server import ScriptedServer

PAGES = frozenset({"fleet", "models", "approvals", "log"})


class Bench:
    """A palette over two actions and a desk; remembers what was run and where it went."""

    def __init__(self, desk: InlineDesk) -> None:
        self.ran: list[str] = []
        self.went: list[tuple[str, str]] = []
        self.actions = Actions()
        self.actions.add(
            Action("approvals.approve", "Approve proposal", lambda: None, why_not=lambda: "Yours."),
            Action("page.fleet", "Go to Fleet", lambda: None, "Alt+1"),
            Action("log.check", "Check consistency", lambda: None, page="log"),
        )
        self.palette = PalettePresenter(
            self.actions,
            desk,
            run=self._run,
            go=lambda page, target: self.went.append((page, target)),
            page=lambda: "fleet",
            pages=PAGES,
        )

    def _run(self, action: str) -> str:
        self.ran.append(action)
        return ""

    def texts(self, query: str) -> list[str]:
        self.palette.search(query)
        return [each.text for each in self.palette.view().rows]


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


@pytest.fixture
def bench(server: ScriptedServer) -> Bench:
    server.post(server.authority.propose(Kind.POLICY, "serving-eu", policy_body()))
    desk = standing_desk(server)
    facts = with_nodes(desk.facts, *[NodeState.ATTESTED] * 30)
    desk.show(facts)
    return Bench(desk)


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [
        ("fleet", "Go to Fleet", "Flee to other places"),
        ("lock", "Lock", "Unlock"),
        ("gf", "Go to Fleet", "Rag of it"),
        ("app", "Approve", "Snap photo"),
    ],
)
def test_what_one_means_comes_first(query: str, better: str, worse: str) -> None:
    assert (score(query, better) or 0) > (score(query, worse) or 0)


def test_letters_in_another_order_do_not_fit() -> None:
    assert score("telf", "Fleet") is None
    assert score("", "anything") == 0


def test_without_a_query_every_action_of_this_page_is_there_what_can_be_done_first(
    bench: Bench,
) -> None:
    assert bench.texts("") == ["Go to Fleet", "Approve proposal"]


def test_an_action_that_cannot_be_done_says_why(bench: Bench) -> None:
    bench.palette.search("approve")
    row = bench.palette.view().rows[0]
    assert (row.text, row.why_not) == ("Approve proposal", "Yours.")
    assert not bench.palette.enter()
    assert bench.palette.view().said == "Yours."
    assert bench.ran == []


def test_enter_runs_what_is_chosen(bench: Bench) -> None:
    bench.palette.search("")
    bench.palette.move(1)
    bench.palette.move(1)
    assert bench.palette.enter()
    assert bench.ran == ["page.fleet"]


def test_a_node_is_found_by_name_exactly_first(bench: Bench) -> None:
    texts = bench.texts("node-2")
    assert texts[0] == "node-2"
    assert len(texts) == 11
    bench.palette.enter()
    assert bench.went == [("fleet", "node-2")]


def test_a_proposal_is_found_by_the_beginning_of_its_digest(
    bench: Bench, server: ScriptedServer
) -> None:
    digest = list(server.held)[-1]
    for query in (digest[7:13], digest[:14], f"{digest[7:11]} {digest[11:15]}"):
        bench.palette.search(query)
        rows = [each for each in bench.palette.view().rows if each.kind is RowKind.PROPOSAL]
        assert [each.key for each in rows] == [digest]
    bench.palette.enter()
    assert bench.went == [("approvals", digest)]


def test_a_proposal_is_found_by_its_subject(bench: Bench) -> None:
    assert "policy serving-eu" in bench.texts("serving")


def test_pages_that_are_not_there_lead_nowhere(server: ScriptedServer) -> None:
    desk = standing_desk(server)
    desk.show(with_nodes(desk.facts, NodeState.REFUSED))
    actions = Actions()
    palette = PalettePresenter(
        actions, desk, run=str, go=lambda _p, _t: None, page=str, pages=frozenset()
    )
    palette.search("node-1")
    view = palette.view()
    assert (view.rows, view.at, view.said) == ((), -1, "Nothing is called so.")
    assert not palette.enter()
    palette.move(1)


def test_choosing_goes_round(bench: Bench) -> None:
    bench.palette.search("")
    bench.palette.move(-1)
    assert bench.palette.view().at == 1
    bench.palette.move(1)
    assert bench.palette.view().at == 0
    bench.palette.choose(7)
    assert bench.palette.view().at == 0


def test_nothing_is_optimistic_about_a_node(server: ScriptedServer) -> None:
    desk = standing_desk(server)
    assert desk.facts.nodes is not None
    nodes = replace(desk.facts.nodes, all=(node("node-1", NodeState.UNKNOWN),))
    desk.show(replace(desk.facts, nodes=nodes))
    bench = Bench(desk)
    bench.palette.search("node-1")
    assert bench.palette.view().rows[0].spoken == "node-1, Unknown"


def test_nothing_is_found_of_a_server_that_is_not_believed(server: ScriptedServer) -> None:
    desk = standing_desk(server)
    desk.show(with_link(with_nodes(desk.facts, NodeState.ATTESTED), Link.DISTRUSTED))
    assert Bench(desk).texts("node-1") == []
