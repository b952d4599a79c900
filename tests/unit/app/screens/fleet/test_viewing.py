"""The evidence viewer: trees in tabs, every byte under its field, searched and copied."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.fields_tdx import tdx_section
from keyturn.attest.fields_tpm import log_section
from keyturn.keyrelease.request import parse_request
from keyturn.keyrelease.showing import sections_of
from keyturn.policy.trust import anchors_in_force
from keyturn_app.screens.fleet import chains, parts
from keyturn_app.screens.fleet.branches import every, found
from keyturn_app.screens.fleet.presenter import FleetPresenter
from keyturn_app.screens.fleet.viewing import EvidenceView, Tab
from keyturn_sim.tdx import SimIntel
from support.tpm import record, spec_id
from unit.app.screens.fleet.refusals import BAD, GOOD, WRONG, Refusals
from unit.attest.test_tdx_quote import DATA, TD


@pytest.fixture(scope="module")
def world() -> Refusals:
    return Refusals()


@pytest.fixture
def presenter(world: Refusals) -> FleetPresenter:
    made = world.presenter()
    made.select(BAD)
    made.open_evidence()
    return made


def view(presenter: FleetPresenter) -> EvidenceView:
    shown = presenter.view().evidence
    assert shown is not None
    return shown


def test_checks_are_a_tree_by_device_with_what_failed_first(presenter: FleetPresenter) -> None:
    shown = view(presenter)
    assert (shown.node, shown.tab, shown.simulated) == (BAD, Tab.CHECKS, True)
    cpu = shown.shown.branches[0]
    assert cpu.cells[:3] == ("CPU", "not met", "1 not met, 19 met, 1 not measured")
    assert cpu.children[0].cells[:3] == ("Firmware measurement", "not met", WRONG.hex())
    assert cpu.children[0].icon == "octagon-x"
    names = [each.cells[0] for each in shown.shown.branches]
    assert names == ["CPU", "Request, policy and log", "GPU 0", "GPUs", "Devices together"]
    unmeasured = [each for each in cpu.children if each.cells[1] == "not measured"]
    assert [each.icon for each in unmeasured] == ["circle-slash"]


def test_a_check_says_who_set_its_expectation(presenter: FleetPresenter) -> None:
    presenter.understanding.viewing.choose("check.cpu.20")
    for each in every(view(presenter).shown.branches):
        if each.cells[0] == "Firmware measurement":
            presenter.understanding.viewing.choose(each.key)
    chosen = view(presenter).chosen
    assert chosen is not None
    details = {each.label: each.value for each in chosen.details}
    assert details["Set by"] == "reference-values firmware v1"
    assert details["Proposed by"] == "Officer Ada"
    assert details["Approved by"] == "Officer Bela, Officer Chen"
    assert details["Reason"] == "measurement-mismatch"


def test_every_byte_of_a_report_belongs_to_a_field(presenter: FleetPresenter) -> None:
    viewing = presenter.understanding.viewing
    viewing.turn_to(Tab.FIELDS)
    report = view(presenter).shown.branches[1]
    assert report.cells[0] == "SEV-SNP report"
    assert report.data is not None
    viewing.choose(report.key)
    at = 0
    while at < len(report.data.raw):
        viewing.choose_byte(at)
        chosen = view(presenter).chosen
        assert chosen is not None
        assert chosen.data is not None
        assert chosen.data.start <= at < chosen.data.end
        at = chosen.data.end
    viewing.choose_byte(0x90)
    chosen = view(presenter).chosen
    assert chosen is not None
    assert chosen.cells == ("MEASUREMENT", "0x0090", "48", WRONG.hex())


def test_a_search_keeps_the_way_to_what_it_finds(presenter: FleetPresenter) -> None:
    viewing = presenter.understanding.viewing
    viewing.search("measurement eeee")
    (cpu, *_rest) = view(presenter).shown.branches
    assert [each.cells[0] for each in cpu.children] == ["Firmware measurement"]
    viewing.turn_to(Tab.FIELDS)
    (report,) = view(presenter).shown.branches
    assert [each.cells[0] for each in report.children] == ["MEASUREMENT"]
    viewing.search("nothing has this")
    assert view(presenter).shown.branches == ()
    assert "nothing has this" in view(presenter).shown.empty
    viewing.search("")
    assert len(view(presenter).shown.branches) > 5


def test_chains_end_at_a_pin_and_say_simulated(presenter: FleetPresenter) -> None:
    viewing = presenter.understanding.viewing
    viewing.turn_to(Tab.CERTIFICATES)
    cpu, gpu = view(presenter).shown.branches
    assert "SIMULATED root" in cpu.cells[1]
    assert [each.cells[0] for each in cpu.children] == [
        "SIMULATED SEV-VCEK",
        "SIMULATED SEV-Genoa",
        "SIMULATED ARK-Genoa  · pinned",
    ]
    assert "valid now" in cpu.children[0].cells[2]
    assert gpu.cells[0] == "GPU 0"
    assert {each.label for each in gpu.children[0].details} >= {"Key digest", "Issuer", "Mark"}


def test_a_chain_to_no_pin_and_dates_that_are_over(world: Refusals) -> None:
    node = next(each for each in world.nodes if each.name == GOOD)
    assert node.granted is not None
    request = parse_request(world.server.evidence[node.granted[1].evidence])
    sections, now = sections_of(request), world.server.clock()
    cpu = chains.chains(sections, HARDWARE_ANCHORS, now)[0]
    assert (cpu.cells[1], cpu.token) == ("ends at no root that is pinned here", "danger")
    anchors = anchors_in_force(world.server.state, now)[0]
    late = chains.chains(sections, anchors, now + timedelta(days=365 * 90))[0]
    assert "expired" in late.children[0].cells[2]
    early = chains.chains(sections, anchors, now - timedelta(days=365 * 20))[0]
    assert "not yet valid" in early.children[0].cells[2]


def test_caveats_have_their_meaning_and_no_log_says_so(presenter: FleetPresenter) -> None:
    viewing = presenter.understanding.viewing
    viewing.turn_to(Tab.CAVEATS)
    caveats = {each.cells[0]: each.cells[1] for each in view(presenter).shown.branches}
    assert "proves nothing" in caveats["simulated"]
    viewing.turn_to(Tab.EVENTS)
    assert view(presenter).shown.empty == "This evidence has no boot log."


def test_a_log_that_cannot_be_read_is_one_event_that_says_why() -> None:
    (only,) = parts.events([log_section(b"\x01\x02")])
    assert only.cells[2]
    assert only.data is not None
    assert only.data.raw == b"\x01\x02"


def test_all_of_it_and_one_part_are_copied_as_json(
    world: Refusals, presenter: FleetPresenter
) -> None:
    viewing = presenter.understanding.viewing
    world.copied.clear()
    viewing.copy_all()
    everything = json.loads(world.copied[-1])
    assert (everything["node"], everything["verdict"]) == (BAD, "refused")
    assert {"checks", "parts", "caveats", "explanation"} <= set(everything)
    viewing.turn_to(Tab.FIELDS)
    viewing.choose("part.1")
    viewing.copy_chosen()
    part = json.loads(world.copied[-1])
    assert part["specification"] == "AMD 56860, ATTESTATION_REPORT"
    viewing.choose("")
    viewing.copy_chosen()
    assert len(world.copied) == 2


def test_trees_are_made_once_for_the_same_explanation(presenter: FleetPresenter) -> None:
    before = view(presenter).shown.branches
    presenter.tick()
    assert view(presenter).shown.branches is before


def test_hex_as_text() -> None:
    raw = bytes(range(0x40, 0x60))
    assert parts.dump_text(raw, 17, 18) == (
        "00000010  50 51 52 53 54 55 56 57 58 59 5a 5b 5c 5d 5e 5f  PQRSTUVWXYZ[\\]^_"
    )
    assert len(parts.dump_text(raw, 0, 32).splitlines()) == 2
    assert parts.hex_lines(b"") == 0
    assert parts.readable("a " + "0f" * 16) == "a 0f0f0f0f 0f0f0f0f 0f0f0f0f 0f0f0f0f"


def test_found_gives_everything_for_no_query() -> None:
    assert found((), "x") == ()


def test_a_boots_events_are_a_list_each_with_its_digests() -> None:
    log = spec_id() + record(0, 8, b"v1") + record(7, 4, bytes(4))
    first, second = parts.events([log_section(log)])
    assert first.cells[0] == "0"
    assert second.cells[:3] == ("1", "7", "EV_SEPARATOR")
    assert first.cells[2].startswith("EV_")
    assert first.cells[3] == sha256(b"v1").hexdigest()
    assert first.data is not None
    assert first.data.raw == b"v1"
    assert first.details[-1].value.startswith("TCG PC Client")


def test_the_chain_inside_a_quote_is_shown_as_the_others() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    quote = SimIntel.create().certify().quote(TD, DATA)
    (pck,) = chains.chains([tdx_section(quote)], HARDWARE_ANCHORS, now)
    assert pck.cells[0] == "CPU: provisioning certification key"
    assert len(pck.children) == 3
    assert pck.children[0].details[0].value == "SIMULATED"
