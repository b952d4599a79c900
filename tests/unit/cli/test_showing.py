"""How proposals are shown: nothing that was signed is read as markup."""

from datetime import timedelta

import pytest
from rich.console import Console

from keyturn.base.encoding import Digest
from keyturn.cli import showing
from keyturn.client.changes import Change
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from support.authority import START, Authority, Clock


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(record=True, width=160, highlight=False)
    monkeypatch.setattr(showing, "stdout", console)
    return console


def test_markup_in_signed_text_is_shown_not_obeyed(paper: Console) -> None:
    made = Authority(Clock()).propose(
        Kind.PLATFORMS,
        "[bold]all[/bold]",
        {"platforms": [{"id": "amd-genoa-00", "site": "s", "note": ""}]},
    )
    showing.print_statement(parse_statement(made.raw), START)
    text = paper.export_text()
    assert "platforms [bold]all[/bold]" in text
    assert "in 72 h" in text


def test_a_lapsed_proposal_says_so(paper: Console) -> None:
    made = Authority(Clock()).propose(
        Kind.PLATFORMS, "all", {"platforms": [{"id": "amd-genoa-00", "site": "s", "note": ""}]}
    )
    showing.print_statement(parse_statement(made.raw), START + timedelta(days=4))
    assert "(lapsed)" in paper.export_text()


def test_changes_show_both_sides(paper: Console) -> None:
    showing.print_changes("sha256:" + "a" * 64, (Change("snp.debug", "false", "[red]true"),))
    text = paper.export_text()
    for part in ("snp.debug", "false", "[red]true", "sha256:aaaaaaaaaaaa"):
        assert part in text


@pytest.mark.parametrize(("version", "new"), [(1, True), (2, False)])
def test_offline_nothing_is_called_new_that_may_replace_something(
    paper: Console, version: int, new: bool
) -> None:
    made = Authority(Clock()).propose(
        Kind.PLATFORMS,
        "all",
        {"platforms": [{"id": "amd-genoa-00", "site": "s", "note": ""}]},
        version=version,
        replaces=None if new else Digest("sha256:" + "ab" * 32),
    )
    showing.print_offline(parse_statement(made.raw))
    text = " ".join(paper.export_text().split())  # a title wraps at its table's width
    assert ("All new" in text, "not known offline" in text) == (new, not new)
    assert "amd-genoa-00" in text


def test_offline_a_roster_is_shown_against_the_one_that_came_with_it(paper: Console) -> None:
    made = Authority(Clock())
    first = made.propose(Kind.ROSTER, "roster", made.roster_body())
    made.entered(Kind.ROSTER, "roster", first)
    body = made.roster_body(proposer_may_approve=[])
    second = made.propose(Kind.ROSTER, "roster", body)
    showing.print_offline(parse_statement(second.raw), parse_statement(first.raw))
    text = " ".join(paper.export_text().split())
    assert "Changes against" in text
    assert "not known offline" not in text
