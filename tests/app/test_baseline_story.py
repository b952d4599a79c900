"""A golden node's firmware becomes what a policy asks for: what that stops, why, and the repair.

By clicks and keys alone, before a real control plane, a real keyholder and simulated nodes.
`tests/flows/test_baseline_story.py` tells the same through the officers' clients.
"""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton

from support.golden_story import GOLDEN, NEW, OLD, SERVING, Cast, make_cast
from support.nodes import NodeSecrets
from support.office import Office
from support.officefixtures import (
    hsm_worker,
    node_secrets,
    office,
    system,
    token_template,
    unhardened,
    vendors,
    whole,
)
from support.whole import Whole

__all__ = [
    "hsm_worker",
    "node_secrets",
    "office",
    "system",
    "token_template",
    "unhardened",
    "vendors",
    "whole",
]

# The offscreen plugin says of menus and raised windows that it cannot do them.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints")

NEWLY, LOSES, UNMEASURED, UNCHANGED = range(4)
"""The places of an impact's tiles: the dangerous direction first."""


@pytest.fixture
def cast(whole: Whole, node_secrets: NodeSecrets, tmp_path: Path) -> Cast:
    return make_cast(whole, node_secrets, tmp_path)


def test_from_a_golden_node_to_the_repair(cast: Cast, office: Office) -> None:
    office.unlock("ada")
    capture_a_baseline(office)
    by_two(office, GOLDEN, [])
    office.sit("ada")
    write_a_policy(office)
    by_two(office, "serving", ["1 node would newly get keys", "2 nodes would lose keys"])

    assert all(cast.refused(each) == {"measurement-mismatch"} for each in SERVING)
    assert cast.serves(GOLDEN)
    office.sit("ada")
    read_why(office, SERVING[0])
    propose_the_repair(office)
    by_two(office, GOLDEN, ["2 nodes would newly get keys"])
    assert all(cast.serves(each) for each in (*SERVING, GOLDEN))


# ---- what Ada does ----


def capture_a_baseline(office: Office) -> None:
    """Of the node that was refused for its new firmware."""
    office.go("baselines")
    office.click("baselines.capture")
    office.pick("new.node", GOLDEN)
    office.click("new.read")
    office.write("new.subject", GOLDEN)
    office.write("new.reason", "the firmware of the golden node")
    office.click("new.propose")
    proposed(office)


def write_a_policy(office: Office) -> None:
    """The next version of `serving` asks for the new baseline, and for no other."""
    office.go("policies")
    office.click("policies.edit")
    office.click(f"policy.baselines.{GOLDEN}")
    office.click("policy.baselines.firmware")
    office.write("policy.reason", "the new firmware alone")
    office.click("policy.impact.simulate")
    tiles(office, "policy.impact", {NEWLY: "+1 node", LOSES: "2 nodes would lose keys"})
    office.click("policy.propose")
    proposed(office)


def read_why(office: Office, node: str) -> None:
    """Found beside expected, who set that, and who else it stops."""
    office.go("fleet")
    office.row("fleet.table", node)
    office.says("fleet.drawer.name", node)
    office.until(lambda: "measurement-mismatch" in office.text("fleet.why.fault.0.code"))
    assert office.find(QAbstractButton, "fleet.why.fault.0.shared.0").text() == SERVING[1]
    for part in (OLD.hex()[:16], NEW.hex()[:16]):
        assert part in office.words
    for officer in ("Bela", "Chen"):
        assert officer in office.words


def propose_the_repair(office: Office) -> None:
    """This node's firmware as a value of the baseline, beside the golden one's.

    Safer were the approved firmware on the node; that the other one is good as well, people know.
    """
    office.until(lambda: "baseline" in office.text("fleet.why.repair.1.title"))
    office.click("fleet.why.repair.1.do")
    office.until(lambda: office.window.page == "approvals")
    office.click("approvals.draft.propose")
    proposed(office)


# ---- what everybody does ----


def proposed(office: Office) -> None:
    """Signed, and shown where it waits for others."""
    if office.seen(QAbstractButton, "question.yes"):
        office.click("question.yes")
    office.until(lambda: office.window.page == "approvals")
    office.says("approvals.standing", "NOT IN FORCE")
    office.says("approvals.quorum", "0 of 2")


def by_two(office: Office, title: str, checks: list[str]) -> None:
    """Bela and Chen each see the impact, and sign its digest with the statement's."""
    for name, quorum in (("bela", "1 of 2"), ("chen", "2 of 2")):
        office.sit(name)
        approve(office, title, checks, quorum)
    office.says("approvals.standing", "In force")


def approve(office: Office, title: str, checks: list[str], quorum: str) -> None:
    office.go("approvals")
    if office.seen(QAbstractButton, "approvals.back"):
        office.click("approvals.back")
    office.row("approvals.list", title)
    office.says("approvals.standing", "NOT IN FORCE")
    office.until(lambda: office.spoken("approvals.preview.digest").startswith("sha256:"))
    for each in checks:
        office.until(lambda each=each: each in office.words)
    office.click("approvals.approve")
    office.click("question.yes")
    office.says("approvals.quorum", quorum)
    office.until(lambda: "Signed the impact preview" in office.words)


def tiles(office: Office, pane: str, said: dict[int, str]) -> None:
    for place, text in said.items():
        office.until(lambda place=place, text=text: text in office.spoken(f"{pane}.tile.{place}"))
