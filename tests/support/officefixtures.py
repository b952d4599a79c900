"""Fixtures of an office: a whole system behind a control plane, and three officers' window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from keyturn.vault.hygiene import UNLOCKED_MEMORY, Hygiene
from keyturn_app.screens.models import work
from support.fixtures import hsm_worker, node_secrets, system, token_template, vendors
from support.office import Office, running_office
from support.system import System
from support.whole import Whole, running_whole
from unit.app.live.lines import ours

__all__ = ["hsm_worker", "node_secrets", "system", "token_template", "vendors"]

OFFICERS = ("ada", "bela", "chen")


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    """Simulated hardware is trusted; no baseline, policy or model is in force."""
    with running_whole(system, tmp_path) as made:
        system.trust_simulated_roots()
        made.world.catch_up()
        yield made


@pytest.fixture
def unhardened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardening is for a process's whole life: other tests look into this one."""
    found = Hygiene(frozenset({UNLOCKED_MEMORY}), ())
    monkeypatch.setattr(work, "harden_process", lambda: found)


@pytest.fixture
def office(whole: Whole, tmp_path: Path, qtbot: QtBot, unhardened: None) -> Iterator[Office]:
    with running_office(whole, tmp_path, qtbot, OFFICERS) as made:
        yield made
    assert ours() == []
