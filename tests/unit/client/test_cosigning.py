"""An officer's client as a witness of a real control plane's log; the keyholder is in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.errors import UntrustedError
from keyturn.base.strictjson import dump
from keyturn.client.client import KeyturnClient
from keyturn.client.cosigning import Hindrance
from keyturn.client.errors import HistoryRewritten
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import start_entry
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import Witness
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.wire.keyholder import AnyRequest, Submit
from support.authority import Proposal
from support.control import World, running_world
from support.watching import revocation_body
from support.witnesses import Pen
from unit.client.test_against_control import client, prove_consistency

T = 300


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("w")) as made:
        prove_consistency(made)
        yield made


@pytest.fixture
def ada(world: World, tmp_path: Path) -> Iterator[KeyturnClient]:
    with client(world, tmp_path / "ada") as made:
        yield made


@pytest.fixture
def enrolled(world: World, ada: KeyturnClient) -> Witness:
    """Ada's app is the one witness, and it is needed."""
    witness = ada.cosigner()
    require(world, [witness], 1)
    return witness


def require(world: World, witnesses: list[Witness], k: int) -> None:
    listed = [{"algorithm": "ed25519", "spki": b64(each.key.spki)} for each in witnesses]
    body = world.authority.roster_body(witnesses={"keys": listed, "k": k, "t_seconds": T})
    made = world.authority.approved(Kind.ROSTER, "roster", body)
    world.keyholder.enter(Kind.ROSTER, "roster", made)
    world.catch_up()


def grow(world: World, entries: int = 1) -> None:
    for _ in range(entries):
        world.keyholder.append(start_entry(world.clock(), "00" * 16, "a test"))
    world.catch_up()


def rewrite(world: World) -> None:
    """The server's own follower notices as well, and stops; it is not waited for."""
    for _ in range(2):
        world.keyholder.leaves.append(start_entry(world.clock(), "ff" * 16, "a test"))


def revocation(world: World, node: str = "node-1", by: str = "ada") -> Proposal:
    made = world.authority.propose(Kind.REVOCATION, f"node:{node}", revocation_body(node), by=by)
    made.approvals.append(world.authority.approval(made.digest, by))
    return made


def file_of(world: World, made: Proposal) -> bytes:
    document = {
        "type": "proposal-export",
        "format": 1,
        "statement": b64(made.raw),
        "approvals": [b64(each) for each in made.approvals],
        "bundle": b64(make_bundle(world.keyholder.state)),
    }
    return dump(document)


def withheld(world: World) -> None:
    """Whatever is submitted, the keyholder never gets it."""
    plain = world.keyholder.answer

    def answer(request: AnyRequest) -> dict[str, object]:
        if isinstance(request, Submit):
            raise UntrustedError("not today")
        return plain(request)

    world.keyholder.answer = answer  # type: ignore[method-assign]


def test_who_is_no_witness_signs_nothing(world: World, ada: KeyturnClient) -> None:
    own = ada.cosign()
    assert (own.hindrance, own.size, own.time) == (Hindrance.NOT_A_WITNESS, 0, None)
    assert world.keyholder.cosigned == {}
    found = ada.witnesses()
    assert found is not None
    assert (found.lines, found.fresh(world.clock())) == ((), 0)


def test_it_cosigns_what_it_saw_and_everybody_can_verify_it(
    world: World, ada: KeyturnClient, enrolled: Witness, tmp_path: Path
) -> None:
    before = ada.witnesses()
    assert before is not None
    assert [(each.name, each.time) for each in before.lines] == [(None, None)]
    own = ada.cosign()
    size = len(world.keyholder.leaves)
    assert (own.hindrance, own.size, own.time) == (None, size, world.clock())

    with client(world, tmp_path / "bela", "bela") as bela:
        found = bela.witnesses()
        assert found is not None
        (line,) = found.lines
        assert (line.key, line.name, line.size) == (enrolled.key, "officer-ada", size)
        now = world.clock()
        assert (found.fresh(now), found.covered(now)) == (1, size)
        world.clock.advance(seconds=T + 1)
        now = world.clock()
        assert (found.fresh(now), found.covered(now), found.is_fresh(line, now)) == (0, None, False)
        assert bela.cosign().hindrance is Hindrance.NOT_A_WITNESS

    grow(world, 3)
    assert ada.cosign().size == size + 3
    assert ada.cosigning().hindrance is None


def test_one_officer_at_two_machines_is_two_witnesses(
    world: World, enrolled: Witness, tmp_path: Path
) -> None:
    with client(world, tmp_path / "other") as other:
        assert other.cosigner().key != enrolled.key
        assert other.cosign().hindrance is Hindrance.NOT_A_WITNESS


def test_two_windows_are_one_witness(
    world: World, ada: KeyturnClient, enrolled: Witness, tmp_path: Path
) -> None:
    ada.cosign()
    grow(world)
    with client(world, tmp_path / "ada") as window:
        assert window.cosigner() == enrolled
        size = window.cosign().size
        assert ada.cosign().size == size
        grow(world)
        ada.seen()
        assert window.cosign().size == ada.cosign().size == size + 1


def test_two_windows_shown_two_histories_raise_the_alarm(
    world: World, ada: KeyturnClient, enrolled: Witness, tmp_path: Path
) -> None:
    grow(world)
    honest = list(world.keyholder.leaves)
    grow(world)
    with client(world, tmp_path / "ada") as window:
        window.seen()
        ada.cosign()
        world.clock.advance(seconds=1)
        world.keyholder.leaves[:] = honest
        rewrite(world)
        with pytest.raises(HistoryRewritten):
            window.cosign()


def test_what_another_window_cosigned_is_held_against_the_server(
    world: World, ada: KeyturnClient, enrolled: Witness, tmp_path: Path
) -> None:
    """The memory of what was seen was lost or put back; that of what was cosigned was not."""
    grow(world)
    ada.cosign()
    for path in (tmp_path / "ada").rglob("*"):
        if path.is_file() and not path.name.startswith("cosigner-"):
            path.unlink()
    honest = world.keyholder.leaves[:-1]
    world.clock.advance(seconds=1)
    world.keyholder.leaves[:] = honest
    rewrite(world)
    with client(world, tmp_path / "ada") as window, pytest.raises(HistoryRewritten) as caught:
        window.cosign()
    assert caught.value.kept.checkpoint.size == len(honest) + 1
    assert "cosigned" in caught.value.message


def test_a_clock_that_went_back_is_said(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    ada.cosign()
    world.clock.advance(seconds=-60)
    own = ada.cosign()
    assert (own.hindrance, own.owed) == (Hindrance.CLOCK_WENT_BACK, ())


def test_a_keyholder_that_says_no_is_quoted(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    plain = world.keyholder.answer

    def answer(request: AnyRequest) -> dict[str, object]:
        if request.op == "cosigned":
            raise UntrustedError("the cosignature comes from the future")
        return plain(request)

    world.keyholder.answer = answer  # type: ignore[method-assign]
    own = ada.cosign()
    assert own.hindrance is Hindrance.REFUSED
    assert "from the future" in own.detail


# ---- revocations ----


def test_a_file_with_a_quorum_is_owed_until_the_log_has_it(
    world: World, ada: KeyturnClient, enrolled: Witness, tmp_path: Path
) -> None:
    ada.cosign()
    made = revocation(world)
    ada.read_export(file_of(world, made))
    grow(world)
    for each in range(2):
        own = ada.cosign()
        assert (own.hindrance, own.size) == (
            Hindrance.REVOCATION_MISSING,
            len(world.keyholder.leaves) - 1,
        )
        assert [(o.subject, o.version) for o in own.owed] == [("node:node-1", 1)], each
    with client(world, tmp_path / "ada") as again:  # the next run knows it too
        assert again.cosign().hindrance is Hindrance.REVOCATION_MISSING

    world.keyholder.enter(Kind.REVOCATION, "node:node-1", made)  # past the control plane
    own = ada.cosign()
    assert (own.hindrance, own.owed, own.size) == (None, (), len(world.keyholder.leaves))
    ada.read_export(file_of(world, made))
    with client(world, tmp_path / "ada") as again:
        again.read_export(file_of(world, made))
        assert again.cosign().hindrance is None


def test_a_file_without_a_quorum_stops_nobody(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    made = revocation(world)
    made.approvals.clear()
    ada.read_export(file_of(world, made))
    assert ada.cosign().hindrance is None


def test_an_officers_own_approval_is_owed_before_it_is_sent(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    made = world.authority.propose(Kind.REVOCATION, "node:node-1", revocation_body())
    ada.propose(made.raw)
    ada._http.post = _gone  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        ada.decide(made.digest, Decision.APPROVE, "")
    assert [each.subject for each in ada.cosigning().owed] == ["node:node-1"]


def _gone(*_args: object) -> None:
    raise ConnectionError


def test_signed_without_network_it_is_owed_too(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    made = revocation(world)
    made.approvals.clear()
    file = ada.read_export(file_of(world, made))
    ada.sign_offline(file, Decision.APPROVE, "")
    assert ada.cosign().hindrance is Hindrance.REVOCATION_MISSING


def test_a_listed_one_that_the_keyholder_never_got_is_owed(
    world: World, ada: KeyturnClient, enrolled: Witness, tmp_path: Path
) -> None:
    withheld(world)
    made = world.authority.propose(Kind.REVOCATION, "node:node-1", revocation_body(), by="bela")
    with client(world, tmp_path / "bela", "bela") as bela:
        bela.propose(made.raw)
        bela.post_approval(made.digest, world.authority.approval(made.digest, "bela"))
    assert ada.cosign().hindrance is None
    ada.proposals()
    assert ada.cosign().hindrance is Hindrance.REVOCATION_MISSING


def test_through_the_server_it_is_settled_at_the_next_look(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    made = world.authority.propose(Kind.REVOCATION, "node:node-1", revocation_body())
    ada.propose(made.raw)
    ada.decide(made.digest, Decision.APPROVE, "")
    own = ada.cosign()
    assert (own.hindrance, own.owed) == (None, ())


def test_a_withdrawn_one_is_not_waited_for(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    withheld(world)
    made = world.authority.propose(Kind.REVOCATION, "node:node-1", revocation_body())
    ada.propose(made.raw)
    ada.decide(made.digest, Decision.APPROVE, "")
    assert ada.cosign().hindrance is Hindrance.REVOCATION_MISSING
    ada.withdraw(made.digest, "a mistake")
    assert ada.cosign().hindrance is None


# ---- what others signed ----


def test_a_forged_line_and_a_foreign_history_are_caught(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    pen = Pen()
    require(world, [enrolled, Witness(pen.name, pen.verify_key)], 1)
    note = world.keyholder.checkpoint()
    seconds = int(world.clock().timestamp())
    world.keyholder.cosigned["other"] = (note + pen.line("another\n", seconds).encode()).decode()
    with pytest.raises(UntrustedCheckpoint, match="does not verify"):
        ada.witnesses()

    grow(world)
    forked = list(world.keyholder.leaves)
    world.keyholder.leaves[-1] = start_entry(world.clock(), "11" * 16, "a fork")
    fork = world.keyholder.checkpoint()
    world.keyholder.leaves[:] = forked
    world.keyholder.cosigned["other"] = pen.cosigned(fork, seconds).decode()
    ada.seen()
    with pytest.raises(HistoryRewritten):
        ada.witnesses()


def test_lines_of_strangers_and_old_ones_do_not_count(
    world: World, ada: KeyturnClient, enrolled: Witness
) -> None:
    pen, stranger = Pen("one.example"), Pen()
    require(world, [enrolled, Witness(pen.name, pen.verify_key)], 2)
    old, seconds = world.keyholder.checkpoint(), int(world.clock().timestamp())
    grow(world)
    new = world.keyholder.checkpoint()
    world.keyholder.cosigned = {
        "a": stranger.cosigned(new, seconds).decode(),
        "b": pen.cosigned(new, seconds).decode(),
        "c": pen.cosigned(old, seconds + 5).decode(),
        "d": pen.cosigned(new, 2**53 - 1).decode(),
    }
    found = ada.witnesses()
    assert found is not None
    assert [each.size for each in found.lines] == [0, len(world.keyholder.leaves)]
    assert found.fresh(world.clock()) == 0  # the largest time is no time to be fresh by
    del world.keyholder.cosigned["d"]
    found = ada.witnesses()
    assert found is not None
    assert found.fresh(world.clock()) == 1
    assert found.covered(world.clock()) is None


def test_an_app_cosigns_over_the_seam(world: World, ada: KeyturnClient, enrolled: Witness) -> None:
    assert ada.cosign().hindrance is None
    world.keyholder.replace_log_key()
    world.catch_up()

    told = ada.cosign()

    assert (told.hindrance, told.size) == (None, len(world.keyholder.leaves))
    (note,) = ada.witnesses().lines  # type: ignore[union-attr]
    assert note.size == told.size
