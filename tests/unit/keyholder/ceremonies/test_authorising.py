"""Whether a ceremony belongs at a host, and may be held: what needs no authority to say no."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from keyturn.base.dsse import parse_envelope
from keyturn.base.encoding import digest_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import ScriptKind
from keyturn.keyholder.ceremonies.authorising import (
    check_authorised,
    check_host,
    check_opening,
    check_still,
    last_roster,
    opening_roster,
    roster_of,
    script_of,
)
from keyturn.keyholder.ceremonies.site import DeskSite, Site
from keyturn.quorum.roster import OfficerId
from support.authority import sign
from support.ceremonies import Cast
from support.ceremonies_host import genesis_plan
from support.hsmtoken import softhsm_module
from unit.quorum.authority_log import AuthorityLog

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GENESIS = genesis_plan(Cast())
BACKUP = replace(
    GENESIS,
    kind=ScriptKind.BACKUP,
    script=SCRIPTS[ScriptKind.BACKUP].digest,
    founding=None,
    authority=digest_of(b"an authority"),
    statement=digest_of(b"a statement"),
    shares={},
    kek_profile=None,
)


@pytest.fixture
def site(tmp_path: Path) -> DeskSite:
    return DeskSite(tmp_path, lambda: NOW, softhsm_module())


def test_a_plan_names_a_script_that_this_host_has() -> None:
    assert script_of(GENESIS) is SCRIPTS[ScriptKind.GENESIS]
    with pytest.raises(CeremonyRefused) as refused:
        script_of(replace(GENESIS, script=digest_of(b"another")))
    assert refused.value.reason is CeremonyReason.WRONG_SCRIPT


def test_a_genesis_is_held_by_its_own_roster(site: DeskSite) -> None:
    assert GENESIS.founding is not None
    assert roster_of(GENESIS, site, NOW) is GENESIS.founding.roster
    assert last_roster(GENESIS, site) is GENESIS.founding.roster
    check_host(GENESIS, site)
    check_authorised(GENESIS, GENESIS.founding.roster, site, None, NOW)


def test_who_was_removed_or_robbed_meanwhile_signs_no_more(site: DeskSite) -> None:
    """A custodian's key is stolen while a ceremony is held: the roster that names it compromised
    comes into force, and the thief signs on under the roster that the ceremony was opened with."""
    log = AuthorityLog()
    opened = log.clock()
    site.journal = SimpleNamespace(state=log.state)  # type: ignore[assignment]
    bela, dora = (
        parse_envelope(sign("text/plain", b"x", log.authority.people[name].keys[0]))
        for name in ("bela", "dora")
    )
    check_still(BACKUP, site, OfficerId("dora"), dora)
    log.clock.now += timedelta(minutes=1)
    log.remove("dora", approvers=("bela", "chen", "emil"), compromised=["dora"])
    site.journal = SimpleNamespace(state=log.state)  # type: ignore[assignment]
    check_still(BACKUP, site, OfficerId("bela"), bela)
    with pytest.raises(CeremonyRefused, match="not in the roster"):
        check_still(BACKUP, site, OfficerId("dora"), dora)
    assert "dora" in opening_roster(BACKUP, site, opened).officers
    assert "dora" not in last_roster(BACKUP, site).officers


def test_without_an_authority_nothing_else_is_held(site: DeskSite) -> None:
    assert GENESIS.founding is not None
    roster = GENESIS.founding.roster
    for ask in (
        lambda: roster_of(BACKUP, site, NOW),
        lambda: last_roster(BACKUP, site),
        lambda: check_host(BACKUP, site),
        lambda: check_authorised(BACKUP, roster, site, None, NOW),
    ):
        with pytest.raises(CeremonyRefused):
            ask()


@pytest.mark.parametrize(
    "plan",
    [
        replace(GENESIS, rehearsal=True, ceremony="rehearsal-1", token="REHEARSAL"),
        replace(BACKUP, founding=GENESIS.founding, authority=None),
        replace(GENESIS, founding=None),
    ],
    ids=["a rehearsal", "a backup that founds", "a genesis that founds nothing"],
)
def test_what_does_not_belong_here_is_refused(site: DeskSite, plan: object) -> None:
    with pytest.raises(CeremonyRefused) as refused:
        check_host(plan, site)  # type: ignore[arg-type]
    assert refused.value.reason is CeremonyReason.WRONG_CEREMONY


@pytest.mark.parametrize("there", ["keyholder.toml", "log", "token"])
def test_a_genesis_never_begins_where_something_stands(site: DeskSite, there: str) -> None:
    """Its first step, and its abort, destroy token, log and settings: anybody can sign a plan as
    the administrator of a roster of their own making."""
    (site.directory / there).mkdir()
    assert GENESIS.founding is not None
    with pytest.raises(CeremonyRefused, match="stands here already"):
        check_opening(GENESIS, site)


@pytest.mark.parametrize("kind", [ScriptKind.UNSEAL, ScriptKind.SEAL])
def test_a_running_keyholder_is_sealed_by_no_plan(tmp_path: Path, kind: ScriptKind) -> None:
    """They need no statement: one operator would fill the log with them."""
    running = Site(tmp_path, lambda: NOW, softhsm_module())
    with pytest.raises(CeremonyRefused, match="without a plan"):
        check_opening(replace(BACKUP, kind=kind), running)
    check_opening(BACKUP, running)


def test_a_genesis_begins_in_an_empty_place(site: DeskSite) -> None:
    check_opening(GENESIS, site)
    check_opening(BACKUP, site)
