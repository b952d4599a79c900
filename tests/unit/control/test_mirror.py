"""State in force, followed leaf by leaf: what is asked of it, and what a restart forgets."""

from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.control.mirror import LoggedRevocation, Mirror
from keyturn.quorum.bodies import TargetKind
from keyturn.quorum.kinds import Kind
from support.authority import Authority, Clock
from support.control import LocalKeyholder

MODEL = "sha256:" + "ab" * 32
PLATFORM = "amd-genoa-" + "0c" * 64


@pytest.fixture
def keyholder(tmp_path: Path) -> LocalKeyholder:
    clock = Clock()
    return LocalKeyholder(tmp_path / "unused.sock", Authority(clock), clock)


@pytest.fixture
def mirror(keyholder: LocalKeyholder) -> Mirror:
    made = Mirror(keyholder.fingerprint)
    made.take(keyholder.state)
    return made


def revoke(keyholder: LocalKeyholder, kind: str, target: str) -> int:
    body: dict[str, object] = {"target_kind": kind, "target": target}
    subject = f"{kind}:{target}"
    proposal = keyholder.authority.approved(Kind.REVOCATION, subject, body)
    return keyholder.enter(Kind.REVOCATION, subject, proposal)


def test_nothing_is_in_force_before_the_first_leaf(keyholder: LocalKeyholder) -> None:
    mirror = Mirror(keyholder.fingerprint)
    assert (mirror.size, mirror.roster, mirror.officer("ada")) == (0, None, None)
    assert not mirror.node_revoked("node-1", None, None)
    assert mirror.admission(MODEL, keyholder.clock()) is None


def test_the_roster_names_its_officers(mirror: Mirror, keyholder: LocalKeyholder) -> None:
    assert mirror.size == len(keyholder.leaves) == 3
    found = mirror.officer("bela")
    assert found is not None
    assert found.name == "Officer Bela"
    assert mirror.officer("mallory") is None


def test_an_expired_roster_still_names_who_may_renew_it(
    mirror: Mirror, keyholder: LocalKeyholder
) -> None:
    keyholder.clock.advance(days=91)
    state = mirror.state
    assert state.in_force(Kind.ROSTER, "roster", keyholder.clock()) is None
    assert mirror.officer("ada") is not None


def test_an_admission_is_found_until_it_expires(mirror: Mirror, keyholder: LocalKeyholder) -> None:
    body: dict[str, object] = {
        "model": MODEL,
        "name": "mini",
        "version": "1",
        "tag": "00" * 32,
        "policy": "serving",
    }
    proposal = keyholder.authority.approved(Kind.MODEL, MODEL, body)
    keyholder.enter(Kind.MODEL, MODEL, proposal)
    mirror.take(keyholder.state)

    found = mirror.admission(MODEL, keyholder.clock())
    assert found is not None
    assert found.statement.digest == proposal.digest
    assert mirror.admission(MODEL, keyholder.clock() + timedelta(days=91)) is None
    assert mirror.admission("sha256:" + "00" * 32, keyholder.clock()) is None


def test_revocations_are_kept_in_the_logs_order(mirror: Mirror, keyholder: LocalKeyholder) -> None:
    indexes = [revoke(keyholder, "node", name) for name in ("c", "a", "b")]
    mirror.take(keyholder.state)
    mirror.take(keyholder.state)  # nothing new: nothing twice

    assert [each.index for each in mirror.revocations] == indexes
    assert [each.target for each in mirror.revocations] == ["c", "a", "b"]
    first = mirror.revocations[0]
    entry = keyholder.state.by_digest[first.digest]
    assert first.statement == entry.statement.raw
    assert first.approvals == tuple(each.raw for each in entry.approvals)


@pytest.mark.parametrize(
    ("kind", "target"), [("node", "node-1"), ("platform", PLATFORM), ("model", MODEL)]
)
def test_a_node_is_revoked_by_its_name_platform_or_model(
    mirror: Mirror, keyholder: LocalKeyholder, kind: str, target: str
) -> None:
    assert not mirror.node_revoked("node-1", PLATFORM, MODEL)
    revoke(keyholder, kind, target)
    mirror.take(keyholder.state)
    assert mirror.node_revoked("node-1", PLATFORM, MODEL)
    assert not mirror.node_revoked("node-2", None, None)


def logged(kind: TargetKind, target: str) -> LoggedRevocation:
    return LoggedRevocation(7, Digest("sha256:" + "00" * 32), kind, target, b"", ())


@pytest.mark.parametrize(
    ("revocation", "concerns"),
    [
        (logged(TargetKind.NODE, "node-1"), True),
        (logged(TargetKind.NODE, "node-2"), False),
        (logged(TargetKind.PLATFORM, PLATFORM), True),
        (logged(TargetKind.PLATFORM, "amd-genoa-00"), False),
        (logged(TargetKind.MODEL, MODEL), True),
        (logged(TargetKind.MODEL, "node-1"), False),
        (logged(TargetKind.POLICY, "any"), True),
        (logged(TargetKind.MEASUREMENT, "any"), True),
    ],
)
def test_whom_a_revocation_may_concern(revocation: LoggedRevocation, concerns: bool) -> None:
    assert revocation.concerns(node="node-1", platform=PLATFORM, model=MODEL) is concerns


def test_a_restart_forgets_everything_but_the_authority(
    mirror: Mirror, keyholder: LocalKeyholder
) -> None:
    revoke(keyholder, "node", "node-1")
    mirror.take(keyholder.state)
    mirror.restart()
    assert (mirror.size, mirror.revocations, mirror.roster) == (0, [], None)
    mirror.take(keyholder.state)
    assert [each.target for each in mirror.revocations] == ["node-1"]
