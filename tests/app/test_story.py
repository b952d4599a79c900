"""The demo's story from the first seal to the last entry of the log, by clicks and keys alone."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from keyturn.agent.authority import PinnedAuthority
from keyturn.agent.driver import Driver, Outcome
from keyturn.agent.driver import Node as AgentParts
from keyturn.agent.exchange import Identity
from keyturn.agent.keys import make_node_keys
from keyturn.agent.lease import Timing
from keyturn.agent.leaseparts import EndReason
from keyturn.agent.model import ModelInMemory
from keyturn.agent.service import Service
from keyturn.base.encoding import Digest
from keyturn.client.inventory import NodeState
from keyturn.keyrelease.grant import RefusalDocument
from keyturn.quorum.kinds import Kind
from keyturn.vault.copies import verify_copies
from keyturn.vault.hygiene import UNLOCKED_MEMORY
from keyturn_sim.node import SimNode
from support.agents import SimSource
from support.authority import policy_body
from support.nodes import Node, NodeSecrets
from support.office import Office, seal
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
from support.system import baseline_body
from support.tinymodel import write_tiny_model
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

WRONG_FIRMWARE = b"\xee" * 48


@dataclass
class Agent:
    """A node's agent on a thread of its own, over HTTPS, until it ends by itself."""

    driver: Driver
    ended: list[Outcome] = field(default_factory=list)
    _stop: Callable[[], object] = lambda: None

    def run(self) -> None:
        async def serve() -> None:
            task = asyncio.current_task()
            assert task is not None
            self._stop = partial(asyncio.get_running_loop().call_soon_threadsafe, task.cancel)
            self.ended.append(await self.driver.run())

        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            asyncio.run(serve())

    def stop(self) -> None:
        """Where the story broke off."""
        with contextlib.suppress(RuntimeError):
            self._stop()


@contextlib.contextmanager
def running_agent(whole: Whole, sim: SimNode, name: str, sealed: Path) -> Iterator[Agent]:
    digest, system = verify_copies(sealed).model_digest, whole.system
    with whole.node_link() as link:
        parts = AgentParts(
            Identity(name, "keyturn/test", digest, frozenset()),
            make_node_keys(name, system.clock()),
            link,
            SimSource(sim),
            PinnedAuthority(system.bundle_bytes, system.fingerprint, system.clock),
            ModelInMemory(sealed, digest, caveats=frozenset({UNLOCKED_MEMORY}), workers=1),
            Service(lambda: 1000.0, "tiny", digest),
            lambda: 1000.0,
            system.clock,
        )
        agent = Agent(Driver(parts, Timing(retry_first=0.01), 0.1, lambda *_: None))
        thread = threading.Thread(target=agent.run, name="agent", daemon=True)
        thread.start()
        try:
            yield agent
            thread.join(30)
        finally:
            agent.stop()
            thread.join(5)
        assert not thread.is_alive()


# ---- what an officer does ----


def propose(office: Office, kind: Kind, subject: str, body: dict[str, object]) -> None:
    """Write a statement on the page of approvals, and sign it."""
    office.go("approvals")
    office.click("approvals.new")
    office.pick("approvals.draft.kind", kind.value)
    office.write("approvals.draft.subject", subject)
    office.paste("approvals.draft.body", json.dumps(body, indent=2))
    office.write("approvals.draft.reason", f"the first {kind.value}")
    office.click("approvals.draft.propose")
    office.click("question.yes")
    office.says("approvals.standing", "NOT IN FORCE")
    office.says("approvals.quorum", "0 of 2")
    office.click("approvals.back")


def approve(office: Office, title: str, now: str) -> None:
    """Read a proposal and approve it; `now` is what its quorum says afterwards."""
    office.go("approvals")
    if office.seen(QAbstractButton, "approvals.back"):
        office.click("approvals.back")
    office.row("approvals.list", title)
    office.says("approvals.standing", "NOT IN FORCE")
    office.click("approvals.approve")
    office.click("question.yes")
    office.says("approvals.quorum", now)


def admit(office: Office) -> None:
    """From what was just sealed to its admission's proposal."""
    office.click("seal.propose")
    office.write("admit.reason", "the tiny model, for everybody")
    office.click("admit.propose")
    office.until(lambda: office.window.page == "approvals")
    office.says("approvals.standing", "NOT IN FORCE")
    office.says("approvals.quorum", "0 of 2")


def in_force(office: Office) -> None:
    """The receipt was fetched, and verified here."""
    office.says("approvals.standing", "In force")
    office.says("approvals.receipt.text", "verified here")


def refused(whole: Whole, node: Node, model: Digest) -> set[str]:
    with whole.node_link() as link:
        answer = link.release(node.request(link.challenge(), model))
    assert isinstance(answer, RefusalDocument)
    whole.world.catch_up()
    return {each.reason for each in answer.reasons}


def shown_state(office: Office, node: str, word: str) -> None:
    """The drawer's word for it."""
    office.go("fleet")
    office.row("fleet.table", node)
    office.says("fleet.drawer.name", node)
    office.until(lambda: word in office.spoken("fleet.drawer.state"))


def test_from_the_seal_to_the_last_entry(
    office: Office, whole: Whole, node_secrets: NodeSecrets, tmp_path: Path
) -> None:
    good = whole.system.node(node_secrets)
    source, place = tmp_path / "tiny", tmp_path / "place"
    for each in (source, place):
        each.mkdir()
    write_tiny_model(source)

    office.unlock("ada")
    office.says("band.text", "SIMULATED")
    propose(office, Kind.REFERENCE_VALUES, "firmware", baseline_body(good.sim))
    propose(office, Kind.POLICY, "serving", policy_body())
    office.sit("bela")
    for subject in ("firmware", "serving"):
        approve(office, subject, "1 of 2")
        office.says("approvals.standing", "NOT IN FORCE")
    office.sit("chen")
    for subject in ("firmware", "serving"):
        approve(office, subject, "2 of 2")
        in_force(office)

    office.sit("ada")
    sealed = seal(office, source, place)
    model = verify_copies(sealed).model_digest
    admit(office)
    office.sit("bela")
    approve(office, "Tiny", "1 of 2")
    office.says("approvals.standing", "NOT IN FORCE")
    assert refused(whole, Node(good.sim, node_secrets, "node-0"), model) == {"model-not-in-force"}
    office.sit("chen")
    approve(office, "Tiny", "2 of 2")
    in_force(office)

    with running_agent(whole, good.sim, "node-1", sealed) as agent:
        shown_state(office, "node-1", "Attested")
        a_wrong_node_is_explained(office, Node(good.sim, node_secrets), model)
        office.sit("ada")
        revoke(office)
    (outcome,) = agent.ended
    assert outcome.reason is EndReason.REVOKED
    office.until(lambda: state_of(office, "node-1") is NodeState.WIPED)
    shown_state(office, "node-1", "Wiped")
    the_log_proves_it(office)


def a_wrong_node_is_explained(office: Office, good: Node, model: Digest) -> None:
    """Found, expected, and the statement that says so, in the drawer."""
    wrong = Node(good.sim.with_firmware(WRONG_FIRMWARE), good.secrets, "node-2")
    assert refused(office.whole, wrong, model) == {"measurement-mismatch"}
    shown_state(office, "node-2", "Refused")
    office.until(lambda: "ee" * 8 in office.words)
    assert good.sim.launch.measurement.hex()[:16] in office.words
    assert "firmware" in office.words


def revoke(office: Office) -> None:
    """Typed, with a reason; Ada's own approval is enough to stop something."""
    shown_state(office, "node-1", "Attested")
    office.click("fleet.drawer.revoke_node")
    office.write("question.comment", "it was stolen")
    office.write("question.typed", "node-1")
    office.click("question.yes")
    office.until(lambda: office.window.page == "approvals")
    office.says("approvals.standing", "NOT IN FORCE")
    office.click("approvals.approve")
    office.write("question.typed", "node-1")
    office.click("question.yes")
    in_force(office)


def state_of(office: Office, name: str) -> NodeState | None:
    nodes = office.facts.nodes
    found = [each.state for each in nodes.all if each.name == name] if nodes else []
    return found[0] if found else None


def the_log_proves_it(office: Office) -> None:
    """The newest entry that was decided, with its proof verified on this machine."""
    office.go("log")
    office.row("log.entries", "node-1")
    office.says("log.drawer.sentence", "Revocation of node node-1 in force, approved by ada")
    office.until(lambda: office.spoken("log.proof.state") == "Included")
    assert "leads to the signed root" in office.text("log.proof.text")
    office.click("log.receipt.ask")
    office.until(lambda: office.spoken("log.receipt.state") == "Verified")


class Windows(QObject):
    """Notes every widget that is shown as a window of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.shown.append(f"{type(watched).__name__} {watched.objectName()}")
        return False


def test_no_page_flashes_up_a_window_of_its_own(office: Office) -> None:
    """It would take the focus, and what is typed with it."""
    windows, app = Windows(), QApplication.instance()
    assert app is not None
    app.installEventFilter(windows)
    try:
        office.unlock("ada")
        pages = ("models", "policies", "baselines", "collateral", "approvals", "officers", "log")
        for page in (*pages, "notifications", "settings", "fleet"):
            office.go(page)
        assert QApplication.activeWindow() is office.window
    finally:
        app.removeEventFilter(windows)
    assert windows.shown == []
