"""The log goes on under another key, and nobody makes it so alone (our protocol §6.2)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import Digest, b64
from keyturn.quorum.entries import origin_entry, start_entry
from keyturn.quorum.errors import LogInconsistent, SubmissionReason
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import replay
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.tlog.merkle import Hash
from unit.quorum.authority_log import ORIGIN, AuthorityLog, der, key_entry, platforms

LIST = platforms("amd-genoa-00")


@pytest.fixture
def log() -> AuthorityLog:
    made = AuthorityLog()
    made.enact_keys()
    return made


def started(log: AuthorityLog) -> bytes:
    return start_entry(log.clock(), "ab" * 16, "test")


def test_the_log_goes_on_and_remembers_its_names(log: AuthorityLog) -> None:
    old, last = log.keys.log, len(log.leaves)
    entered = log.go_on()
    log.enact(Kind.PLATFORMS, "eu", LIST)

    first, second = log.state.log_names
    assert entered.index == last + 1
    assert (first.origin, first.key.spki, first.last) == (ORIGIN, der(old), last)
    assert (second.origin, second.key.spki, second.last) == (log.origin, der(log.keys.log), None)
    assert log.state.log_name(ORIGIN) == first
    assert log.state.log_name("never.example") is None
    assert not log.state.continued


def test_it_can_go_on_again_but_under_no_name_of_before(log: AuthorityLog) -> None:
    log.go_on()
    log.go_on()
    assert [each.last for each in log.state.log_names] == [3, 5, None]

    log.append(log.origin_leaf())
    reused = log.authority.approved(Kind.KEYS, "keys", log.keys.body(origin=ORIGIN))
    assert log.refusal(reused) is SubmissionReason.LOG_NOT_CONTINUED


Forge = Callable[[AuthorityLog], SignedCheckpoint]
STRANGER = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda log: log.checkpoint(signer=STRANGER), id="another key"),
        pytest.param(lambda log: log.checkpoint(origin="other.example"), id="another origin"),
        pytest.param(lambda log: log.checkpoint(2), id="an earlier one"),
        pytest.param(lambda log: log.checkpoint(size=9), id="a later one"),
        pytest.param(lambda log: log.checkpoint(root=Hash(bytes(32))), id="another tree"),
    ],
)
def test_it_goes_on_from_the_last_checkpoint_by_the_older_key(
    log: AuthorityLog, forge: Forge
) -> None:
    with pytest.raises(LogInconsistent):
        log.append(log.origin_leaf(forge(log)))


def test_without_the_tree_it_is_not_believed(log: AuthorityLog) -> None:
    log.go_on()
    with pytest.raises(LogInconsistent, match="without the tree"):
        replay(log.fingerprint, log.leaves, log.read)


def test_a_junk_note_and_another_authority_are_refused(log: AuthorityLog) -> None:
    for leaf in (
        origin_entry(log.clock(), log.fingerprint, "no note"),
        origin_entry(
            log.clock(), Digest("sha256:" + "22" * 32), log.checkpoint().to_bytes().decode()
        ),
        origin_entry(log.clock(), log.fingerprint),
    ):
        with pytest.raises(LogInconsistent):
            log.append(leaf)


def test_no_log_goes_on_before_it_has_keys() -> None:
    log = AuthorityLog()
    with pytest.raises(LogInconsistent, match="before any keys"):
        log.append(log.origin_leaf())


@pytest.mark.parametrize("what", ["start", "origin again", "another statement", "same keys"])
def test_the_next_entry_names_the_new_keys(log: AuthorityLog, what: str) -> None:
    same = log.authority.approved(Kind.KEYS, "keys", log.keys.body())
    other = log.authority.approved(Kind.PLATFORMS, "eu", LIST)
    again = log.origin_leaf()
    log.append(again)
    leaf = {
        "start": started(log),
        "origin again": again,
        "another statement": log.leaf(other),
        "same keys": log.leaf(same),
    }[what]

    with pytest.raises(LogInconsistent):
        log.append(leaf)
    log.submit(log.new_keys())


def test_new_keys_need_their_quorum(log: AuthorityLog) -> None:
    """A keyholder that changes its log key by itself."""
    log.append(log.origin_leaf())
    proposal = log.new_keys()
    short = replace(proposal, approvals=proposal.approvals[:-1])

    with pytest.raises(LogInconsistent, match="too few approvals"):
        log.append(log.leaf(short))


def test_new_keys_stand_nowhere_else(log: AuthorityLog) -> None:
    proposal = log.new_keys()

    assert log.refusal(proposal) is SubmissionReason.LOG_NOT_CONTINUED
    with pytest.raises(LogInconsistent, match="another log key or origin"):
        log.append(log.leaf(proposal))


def test_key_and_origin_change_together_or_not_at_all(log: AuthorityLog) -> None:
    before = log.keys.body()
    other = der(ed25519.Ed25519PrivateKey.generate())
    keys = [
        {**each, "spki": b64(other)} if each["purpose"] == "log" else each  # type: ignore[index]
        for each in before["keys"]  # type: ignore[attr-defined]
    ]
    log.append(log.origin_leaf())

    for body in ({**before, "origin": "other.example"}, {**before, "keys": keys}):
        proposal = log.authority.approved(Kind.KEYS, "keys", body)
        assert log.refusal(proposal) is SubmissionReason.LOG_NOT_CONTINUED


def test_other_ingest_keys_alone_go_on_with_nothing(log: AuthorityLog) -> None:
    body = log.keys.body()
    keyholder = key_entry("keyholder", "ed25519", der(ed25519.Ed25519PrivateKey.generate()))
    log.enact(Kind.KEYS, "keys", {**body, "keys": [*body["keys"], keyholder]})  # type: ignore[misc]

    assert [each.last for each in log.state.log_names] == [None]
