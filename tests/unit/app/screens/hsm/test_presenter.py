"""The HSM page's presenter at a real client: what is said stays said, what is proved is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.ceremony.tokeninventory import TokenInventory
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Happening, Link
from keyturn_app.screens.hsm.lineage import Tier, Way
from keyturn_app.screens.hsm.viewmodel import OLD_READING, Section
from support import tokens
from support.hsmpage import Site, Sitting
from support.logbook import MODEL


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "node-1", "node-2")


def test_keys_are_shown_with_state_profile_and_who_knows_them(site: Site) -> None:
    view = Sitting(site).view
    assert (view.empty, view.problem, view.old) == (None, "", "")
    rows = {(each.name, each.look.word): each for each in view.rows}
    active = rows["KEK", "Active"]
    assert (active.profile, active.attributes.word) == ("Never extractable", "As made")
    assert active.known.word == "The token", "a KEK is nobody's but the token's word"
    retired = rows["KEK", "Deactivated"]
    assert (retired.profile, retired.origin) == ("Recoverable", "Restored from a backup")
    assert retired.attributes.word == "1 not as made"
    assert rows["KEK", "Destroyed"].attributes.word == "None"
    assert rows["Log key", "Active"].known.word == "Keys statement"


def test_a_pair_that_no_statement_names_is_not_shown_as_in_use(site: Site) -> None:
    inventory = site.inventory()
    other = tuple(
        replace(each, id="99" * 32) if each.label == "keyturn-log" else each
        for each in inventory.keys
    )
    site.tell(replace(inventory, keys=other))
    view = Sitting(site).view
    (log,) = (each for each in view.rows if each.name == "Log key")
    assert (log.look.word, log.known.word, log.in_force) == ("Not in use", "No statement", False)


def test_a_software_tokens_word_is_said_to_be_one(site: Site) -> None:
    sitting = Sitting(site)
    sitting.page.select(tokens.ACTIVE.id)
    detail = sitting.view.detail
    assert detail is not None
    assert "Software assurance" in detail.worth
    assert "signed by nobody" in sitting.view.note
    (token,) = (each for each in sitting.view.tiles if each.name == "token")
    assert (token.figure, token.look.token) == ("Software", "stale")


def test_an_attribute_that_is_not_as_made_is_marked(site: Site) -> None:
    sitting = Sitting(site)
    sitting.page.select(tokens.RETIRED.id)
    detail = sitting.view.detail
    assert detail is not None
    (half,) = detail.halves
    assert [name for name, _, as_made in half.attributes if not as_made] == ["MODIFIABLE"]


def test_a_destroyed_key_says_what_nobody_can_see(site: Site) -> None:
    sitting = Sitting(site)
    sitting.page.select(tokens.GONE.id)
    detail = sitting.view.detail
    assert detail is not None
    assert "nobody can see from here" in detail.text
    assert detail.halves == ()


def test_a_keyholder_that_tells_nothing_is_an_empty_page(site: Site) -> None:
    site.server.hsm = None
    view = Sitting(site).view
    assert view.empty is not None
    assert view.empty.title == "Nothing is told"
    assert (view.tiles, view.rows) == ((), ())


def test_a_malformed_answer_is_not_shown(site: Site) -> None:
    site.server.hsm = {**tokens.answer(), "more": 1}
    view = Sitting(site).view
    assert view.empty is not None
    assert view.empty.title == "The token cannot be read"
    assert view.rows == ()


def test_an_officer_whose_roles_lack_it_is_told_which(site: Site) -> None:
    sitting = Sitting(site)
    seen = sitting.desk.facts.seen
    assert seen is not None
    identity = replace(sitting.desk.identity, officer="nobody")
    sitting.desk.identity = identity
    page = Sitting(site, sitting.desk)
    assert page.view.empty is not None
    assert "not in the roster" in page.view.empty.text
    assert page.view.why_not.refresh


def test_what_was_read_stays_when_the_server_is_gone_and_says_so(site: Site) -> None:
    sitting = Sitting(site)
    gone = replace(sitting.desk.facts, connection=Connection(Link.RECONNECTING))
    sitting.desk.show(gone, Topic.CONNECTION)
    assert "Not connected" in sitting.view.old
    assert sitting.view.rows


def test_an_old_reading_is_called_old(site: Site) -> None:
    sitting = Sitting(site)
    site.book.clock.advance(seconds=int(OLD_READING.total_seconds()) + 60)
    assert "read its token" in sitting.view.old
    site.tell()
    sitting.page.shown()
    assert sitting.view.old == ""


def test_a_server_that_lied_is_shown_nothing_of(site: Site) -> None:
    sitting = Sitting(site)
    caught = replace(sitting.desk.facts, connection=Connection(Link.DISTRUSTED))
    sitting.desk.show(caught, Topic.CONNECTION)
    view = sitting.view
    assert view.empty is not None
    assert view.empty.title == "Server not believed"
    assert (view.rows, view.tiles, view.preflight, view.lineage.lineage.spots) == ((), (), None, ())


def test_a_page_opened_before_the_connection_asks_once_there_is_one(site: Site) -> None:
    desk = site.book.desk()
    live = desk.facts
    desk.show(replace(live, connection=Connection(Link.CONNECTING)), Topic.CONNECTION)
    sitting = Sitting(site, desk)
    assert sitting.view.rows == ()
    desk.show(live, Topic.CONNECTION)
    assert sitting.view.rows


def test_a_ceremony_makes_it_ask_again(site: Site) -> None:
    sitting = Sitting(site)
    before = len([path for _, path in site.server.asked if path == "/v1/hsm"])
    event = Happening(7, "ceremony", {}, sitting.desk.now())
    sitting.desk.show(replace(sitting.desk.facts, happenings=(event,)), Topic.HAPPENINGS)
    after = len([path for _, path in site.server.asked if path == "/v1/hsm"])
    assert after == before + 1


def test_a_failed_second_reading_keeps_the_first_and_says_why(site: Site) -> None:
    sitting = Sitting(site)
    site.server.hsm = {"inventory": {}, "preflight": None}
    sitting.page.load()
    assert sitting.view.problem
    assert sitting.view.rows


# Pre-flight


def test_the_newest_report_is_shown_with_its_digest_and_age(site: Site) -> None:
    shown = Sitting(site).view.preflight
    assert shown is not None
    assert (shown.look.word, shown.notice.text) == ("Amber", "")
    assert shown.digest.startswith("sha256:")
    assert "12 days ago" in shown.text
    assert [count for _, _, count, _ in shown.counts] == [0, 2, 2]


def test_levels_filter_the_checks(site: Site) -> None:
    sitting = Sitting(site)
    sitting.page.toggle("green")
    shown = sitting.view.preflight
    assert shown is not None
    assert {each.look.word for each in shown.rows} == {"Green"}


def test_a_report_about_another_token_is_said_to_be(site: Site) -> None:
    other = replace(site.report(), token=replace(tokens.TOKEN, serial="another"))
    site.tell(report=other)
    shown = Sitting(site).view.preflight
    assert shown is not None
    assert "serial another" in shown.notice.text
    assert shown.notice.tone == "info"


def test_an_old_report_is_not_green(site: Site) -> None:
    green = replace(tokens.REPORT, checks=tokens.REPORT.checks[1:3])
    site.tell(report=site.report(green, days=91))
    sitting = Sitting(site)
    shown = sitting.view.preflight
    assert shown is not None
    assert "is old" in shown.notice.text
    (tile,) = (each for each in sitting.view.tiles if each.name == "preflight")
    assert tile.look.token == "stale"


def test_a_red_report_says_what_red_means(site: Site) -> None:
    site.tell(report=site.report(tokens.RED_REPORT))
    shown = Sitting(site).view.preflight
    assert shown is not None
    assert "must not run" in shown.notice.text


def test_a_report_is_opened_from_a_file_and_closed_again(site: Site) -> None:
    sitting = Sitting(site)
    sitting.officer.chosen = site.file(site.report(tokens.RED_REPORT))
    sitting.page.open_report()
    shown = sitting.view.preflight
    assert sitting.view.section is Section.PREFLIGHT
    assert shown is not None
    assert shown.from_file
    assert "file on this machine" in shown.whence
    sitting.page.close_report()
    assert sitting.view.preflight is not None
    assert not sitting.view.preflight.from_file


def test_a_file_that_is_no_report_is_told_and_changes_nothing(site: Site) -> None:
    sitting = Sitting(site)
    path = site.directory / "other.json"
    path.write_text("{}")
    sitting.officer.chosen = path
    sitting.page.open_report()
    assert len(sitting.officer.told) == 1
    assert sitting.view.section is Section.KEYS


# Lineage


def test_kek_dek_model_and_nodes_hang_together(site: Site) -> None:
    sitting = Sitting(site)
    sitting.page.select(tokens.ACTIVE.id)
    sitting.page.follow()
    view = sitting.view
    assert view.section is Section.LINEAGE
    drawn = view.lineage.lineage
    tiers = [each.tier for each in drawn.spots]
    assert tiers.count(Tier.KEK) == 3
    assert tiers.count(Tier.NODE) == 2
    assert {f"dek:{MODEL}", MODEL, tokens.ACTIVE.id} <= view.lineage.marked
    assert tokens.RETIRED.id not in view.lineage.marked
    proved = {each.id: each.proved for each in drawn.spots}
    assert (proved[MODEL], proved[f"dek:{MODEL}"]) == (True, False)


def test_arrows_walk_the_picture(site: Site) -> None:
    sitting = Sitting(site)
    sitting.page.step_spot(Way.FIRST)
    assert sitting.view.lineage.selected == tokens.ACTIVE.id
    for expected in (f"dek:{MODEL}", MODEL):
        sitting.page.step_spot(Way.RIGHT)
        assert sitting.view.lineage.selected == expected
    assert "proved by the log" in sitting.view.lineage.spoken


def test_without_models_only_keks_are_shown_and_why(site: Site) -> None:
    sitting = Sitting(site)
    facts = replace(sitting.desk.facts, models=None, denied={"models": "role"})
    sitting.desk.show(facts, Topic.MODELS)
    lineage = sitting.view.lineage
    assert {each.tier for each in lineage.lineage.spots} == {Tier.KEK}
    assert "only KEKs" in lineage.note


def test_an_empty_token_has_no_keys(site: Site) -> None:
    empty: TokenInventory = replace(site.inventory(), keks=(), keys=())
    site.tell(empty)
    view = Sitting(site).view
    assert view.empty is not None
    assert view.empty.title == "No keys on the token"
