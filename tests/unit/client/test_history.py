"""A log read once: proved run by run, kept between runs, and thrown away when it was touched."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import load_verify_key
from keyturn.client import history as module
from keyturn.client.blocktree import BLOCK
from keyturn.client.errors import MalformedAnswer, NotAtHand, ServerLied, ServerUnreachable
from keyturn.client.history import History, Source
from keyturn.client.kept import Keeping
from keyturn.client.seen import at_hand, first_at_hand
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.judge import signer_of
from keyturn.quorum.kinds import Kind
from keyturn.tlog.proofs import Proof, consistency_proof
from support.authority import Clock, policy_body, spki
from unit.client.scripted_server import ORIGIN, ScriptedServer
from unit.client.test_inventory import grant, refusal


class Killed(KeyturnError):
    """The process ended here."""


class Desk:
    """An officer's machine beside a scripted server; counts what is fetched."""

    def __init__(self, server: ScriptedServer, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self.entries: list[tuple[int, int]] = []
        self.objects: list[Digest] = []
        self.open = True
        self.page = 1000

    def fetch(self, start: int, end: int) -> list[bytes]:
        self.entries.append((start, end))
        return self.server.leaves[start : min(end, start + self.page)]

    def fetch_object(self, digest: Digest) -> bytes:
        self.objects.append(digest)
        return self.server.objects[digest]

    def prove(self, old: int, new: int) -> Proof:
        return consistency_proof(old, new, self.server.node)

    def keeping(self, officer: str = "ada") -> Keeping:
        roster = self.server.state.roster
        assert roster is not None

        def check(envelope: Envelope) -> str:
            return signer_of(envelope, roster).id

        return Keeping(
            self.directory,
            ORIGIN,
            load_verify_key(spki(self.server.log_key)),
            officer,
            check,
            lambda: OfficerSigner(self.server.secrets["ada"]).sign if self.open else None,
            self.server.clock,
        )

    def history(self, *, kept: bool = True, officer: str = "ada") -> History:
        source = Source(self.fetch, self.fetch_object, self.prove)
        return History(self.server.fingerprint, source, self.keeping(officer) if kept else None)

    def run(self) -> History:
        """One run of a program, to its end."""
        self.entries.clear()
        self.objects.clear()
        history = self.history()
        history.sync(self.server.checkpoint())
        history.keep()
        return history

    @property
    def file(self) -> Path:
        return self.directory / "kept"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(ScriptedServer(Clock()), tmp_path / "log")


@pytest.fixture
def long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Beside a log of five blocks and a bit, read in runs of two, of which two stay at hand."""
    monkeypatch.setattr(module, "RUN", 2 * BLOCK + 7)
    monkeypatch.setattr(module, "KEPT", 2)
    fill(desk.server, 5 * BLOCK + 30)
    return desk


def fill(server: ScriptedServer, size: int) -> None:
    while len(server.leaves) < size:
        number = len(server.leaves)
        made = refusal(f"n{number % 7}") if number % 5 == 0 else grant(f"n{number % 7}", 5)
        server.append(made)


def same(history: History, desk: Desk) -> None:
    """As if every entry had been read now."""
    fresh = desk.history(kept=False)
    fresh.sync(desk.server.checkpoint())
    one, other = history.sync(desk.server.checkpoint()), fresh.sync(desk.server.checkpoint())
    for name in ("size", "last_time", "withdrawn", "compromised"):
        assert getattr(one, name) == getattr(other, name), name
    assert {k: (v.index, v.since, v.approved_by) for k, v in one.by_digest.items()} == {
        k: (v.index, v.since, v.approved_by) for k, v in other.by_digest.items()
    }
    assert one.newest.keys() == other.newest.keys()
    assert one.revoked.keys() == other.revoked.keys()
    assert history.index.counts == fresh.index.counts
    for node in (f"n{each}" for each in range(8)):
        assert history.index.newest(node) == fresh.index.newest(node)
    assert list(history.entries(0, history.size)) == desk.server.leaves


# ---- reading ----


def test_pages_are_joined_and_replayed(desk: Desk) -> None:
    desk.page = 2
    history = desk.history(kept=False)
    state = history.sync(desk.server.checkpoint())
    assert desk.entries == [(0, 3), (2, 3)]
    assert state.by_digest.keys() == desk.server.state.by_digest.keys()
    assert list(history.leaves) == desk.server.leaves


def test_a_long_log_is_proved_run_by_run_and_only_the_newest_stay(long: Desk) -> None:
    history = long.history()
    told: list[tuple[int, int]] = []
    history.sync(long.server.checkpoint(), lambda done, total: told.append((done, total)))
    size = 5 * BLOCK + 30
    assert told[0] == (0, size)
    assert {total for _, total in told} == {size}
    assert max(end - start for start, end in long.entries) <= 2 * BLOCK + 7
    leaves = history.leaves
    assert (len(leaves), first_at_hand(leaves)) == (size, 3 * BLOCK)
    assert list(leaves[3 * BLOCK :]) == long.server.leaves[3 * BLOCK :]
    with pytest.raises(NotAtHand, match="entry 100 "):
        leaves[100]
    with pytest.raises(NotAtHand):
        leaves[100:2000]
    assert [leaves[index] for index in range(3)] == long.server.leaves[:3]  # changed authority
    assert [index for index, _ in at_hand(leaves)] == [0, 1, 2, *range(3 * BLOCK, size)]
    same(history, long)


def test_older_entries_are_fetched_and_proved_when_they_are_asked_for(long: Desk) -> None:
    history = long.run()
    long.entries.clear()
    history.load(300, 520)
    assert long.entries == [(256, 768)]
    assert list(history.leaves[256:768]) == long.server.leaves[256:768]
    history.load(300, 520)
    assert len(long.entries) == 1
    assert list(history.entries(100, 900)) == long.server.leaves[100:900]


def test_other_entries_than_those_that_were_proved_are_a_lie(long: Desk) -> None:
    history = long.run()
    long.server.leaves[300] = long.server.leaves[301]
    with pytest.raises(ServerLied, match="entries from 256 on"):
        history.load(256, 257)
    with pytest.raises(ServerLied, match="entries from 256 on"):
        list(history.entries(0, 600))
    with pytest.raises(NotAtHand):
        history.leaves[300]


def test_a_run_of_lies_is_noticed_before_the_next_one(long: Desk) -> None:
    checkpoint = long.server.checkpoint()
    true = long.server.leaves[5]
    long.server.leaves[5] = long.server.leaves[6]
    history = long.history()
    with pytest.raises(ServerLied, match="not the beginning"):
        history.sync(checkpoint)
    assert history.size == 0
    assert max(end for _, end in long.entries) == 2 * BLOCK + 7
    long.server.leaves[5] = true
    assert history.sync(checkpoint).size == 5 * BLOCK + 30


def test_other_leaves_than_the_checkpoints_are_a_lie(desk: Desk) -> None:
    checkpoint = desk.server.checkpoint()
    desk.server.leaves[1] = desk.server.leaves[2]
    with pytest.raises(ServerLied, match="do not lead"):
        desk.history().sync(checkpoint)
    assert not desk.file.exists()


def test_a_page_of_nothing_is_malformed(desk: Desk) -> None:
    checkpoint = desk.server.checkpoint()
    desk.server.leaves.pop()
    with pytest.raises(MalformedAnswer, match="log entries"):
        desk.history().sync(checkpoint)


def test_a_log_that_no_honest_keyholder_writes_is_inconsistent(desk: Desk) -> None:
    desk.server.leaves[2] = desk.server.leaves[2].replace(b'"version":1', b'"version":2')
    with pytest.raises(LogInconsistent, match="names another statement"):
        desk.history().sync(desk.server.checkpoint())


def test_after_a_malformed_grant_nothing_beyond_it_is_kept(desk: Desk) -> None:
    desk.server.leaves.append(grant("n1", 5).replace(b'"lease"', b'"leese"'))
    history = desk.history()
    for _ in range(2):
        with pytest.raises(LogInconsistent, match="entry 3"):
            history.sync(desk.server.checkpoint())
    history.keep()
    assert not desk.file.exists()


def test_the_leaves_are_those_of_their_time(desk: Desk) -> None:
    history = desk.history()
    assert len(history.leaves) == 0
    history.sync(desk.server.checkpoint())
    before = history.leaves
    desk.server.enact(Kind.POLICY, "serving", policy_body())
    history.sync(desk.server.checkpoint())
    assert (len(before), len(history.leaves)) == (3, 4)
    with pytest.raises(IndexError):
        before[3]


# ---- between runs ----


def test_the_next_run_fetches_only_what_is_new(desk: Desk) -> None:
    desk.run()
    desk.server.enact(Kind.POLICY, "serving", policy_body())
    history = desk.run()
    assert desk.entries == [(3, 4)]
    assert len(desk.objects) == 3  # the policy and its two approvals
    assert history.told == ""
    same(history, desk)


def test_what_is_kept_says_the_same_as_the_log(long: Desk) -> None:
    long.server.enact(Kind.POLICY, "serving", policy_body())
    body: dict[str, object] = {"target_kind": "policy", "target": "serving"}
    long.server.enact(Kind.REVOCATION, "policy:serving", body)
    long.run()
    history = long.run()
    assert long.entries == []
    same(history, long)
    fill(long.server, 7 * BLOCK)
    same(long.run(), long)


def test_a_file_is_the_officers_alone(desk: Desk) -> None:
    desk.run()
    assert desk.file.stat().st_mode & 0o777 == 0o600


def test_without_the_officers_key_nothing_is_kept_and_nothing_is_lost(desk: Desk) -> None:
    desk.run()
    before = desk.file.read_bytes()
    desk.open = False
    desk.server.enact(Kind.POLICY, "serving", policy_body())
    history = desk.run()
    assert desk.file.read_bytes() == before
    same(history, desk)


def flipped(raw: bytes) -> bytes:
    return raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]


def bela_signs(raw: bytes, desk: Desk) -> bytes:
    """The same body under another officer's signature."""
    length = int.from_bytes(raw[:4], "big")
    envelope = parse_envelope(raw[4 : 4 + length])
    signer = OfficerSigner(desk.server.secrets["bela"])
    new = signer.sign(envelope.payload_type, envelope.payload).to_bytes()
    return len(new).to_bytes(4, "big") + new + raw[4 + length :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw, _desk: raw[: len(raw) // 2],
        lambda raw, _desk: flipped(raw),
        lambda _raw, _desk: b"",
        lambda raw, _desk: raw + b"x",
        bela_signs,
    ],
    ids=["cut", "changed", "empty", "longer", "by another officer"],
)
def test_a_touched_file_is_thrown_away_and_told(
    desk: Desk, damage: Callable[[bytes, Desk], bytes]
) -> None:
    desk.run()
    desk.file.write_bytes(damage(desk.file.read_bytes(), desk))
    history = desk.run()
    assert history.told
    assert desk.entries == [(0, 3)]
    same(history, desk)
    assert desk.run().told == ""  # kept anew
    assert desk.entries == []


def test_a_revocation_left_out_of_the_file_is_not_believed(desk: Desk) -> None:
    """Somebody who writes the officer's files, but has no key of theirs."""
    desk.run()
    good = desk.file.read_bytes()
    body: dict[str, object] = {"target_kind": "node", "target": "n1"}
    desk.server.enact(Kind.REVOCATION, "node:n1", body)
    desk.run()
    # The older file, genuine as it is, only costs time.
    desk.file.write_bytes(good)
    history = desk.run()
    assert history.told == ""
    assert len(history.sync(desk.server.checkpoint()).revoked) == 1


def test_the_file_of_another_log_or_authority_is_thrown_away(desk: Desk, tmp_path: Path) -> None:
    other = Desk(ScriptedServer(Clock()), tmp_path / "other")
    other.run()
    desk.directory.mkdir()
    desk.file.write_bytes(other.file.read_bytes())
    history = desk.run()
    assert history.told
    assert desk.entries == [(0, 3)]


def test_a_missing_object_is_fetched_and_a_lie_about_it_is_told(desk: Desk) -> None:
    desk.run()
    objects = desk.directory / "objects"
    first = next(objects.iterdir())
    first.unlink()
    desk.run()
    assert [each.removeprefix("sha256:") for each in desk.objects] == [first.name]
    first.write_bytes(b"something else")
    desk.server.objects[f"sha256:{first.name}"] = b"a lie"
    with pytest.raises(ServerLied, match="another object"):
        desk.run()
    assert desk.file.exists()


def test_a_server_out_of_reach_costs_nothing_that_was_kept(desk: Desk) -> None:
    desk.run()
    for each in (desk.directory / "objects").iterdir():
        each.unlink()
    source = Source(desk.fetch, unreachable, desk.prove)
    history = History(desk.server.fingerprint, source, desk.keeping())
    with pytest.raises(ServerUnreachable):
        history.recall()
    assert desk.file.exists()
    assert desk.run().told == ""
    assert desk.entries == []


def unreachable(_digest: Digest) -> bytes:
    raise ServerUnreachable("not there")


def test_killed_at_any_page_it_goes_on_from_what_was_kept(
    long: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_EVERY", 1)
    long.page = 200
    sizes = []
    while not sizes or sizes[-1] < 5 * BLOCK + 30:
        pages = iter(range(4))  # a run takes three

        def step(_done: int, _total: int, pages: Iterator[int] = pages) -> None:
            if next(pages, None) is None:
                raise Killed("here")

        history = long.history()
        with suppress(Killed):
            history.sync(long.server.checkpoint(), step)
        sizes.append(history.size)
    assert sizes == [2 * BLOCK + 7, 4 * BLOCK + 14, 5 * BLOCK + 30]
    same(history, long)


def test_killed_while_writing_the_older_file_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    before = desk.file.read_bytes()
    desk.server.enact(Kind.POLICY, "serving", policy_body())

    def killed(self: Path, _target: Path) -> Iterator[None]:
        raise Killed(self.name)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            desk.run()
    assert desk.file.read_bytes() == before
    same(desk.run(), desk)


def test_the_checkpoint_of_what_is_kept_is_remembered(long: Desk) -> None:
    long.run()
    found = long.history().recall()
    assert found is not None
    assert found.checkpoint == long.server.checkpoint().checkpoint


def test_whole_copies_of_an_older_form_are_removed(desk: Desk) -> None:
    desk.directory.mkdir(parents=True)
    (desk.directory / "000000000000-3").write_bytes(b"old")
    desk.run()
    assert not list(desk.directory.glob("0*-*"))
