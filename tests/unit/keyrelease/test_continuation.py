"""The older key signed this very tree, and signs nothing beyond it (our protocol §6.2, §6.4)."""

import pytest

from keyturn.base.errors import UntrustedError
from keyturn.keyrelease.audit import audit_log
from keyturn.keyrelease.continuation import (
    believed_root,
    check_named,
    previous_check,
    root_of,
    signed_by_any,
)
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.state import replay
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.merkle import Frontier, Hash, leaf_hash
from unit.quorum.authority_log import ORIGIN, AuthorityLog


@pytest.fixture
def log() -> AuthorityLog:
    made = AuthorityLog()
    made.enact_keys()
    return made


def test_a_whole_log_is_audited_over_the_seam(log: AuthorityLog) -> None:
    log.go_on()
    audited = audit_log(log.leaves, log.fingerprint, log.read)
    assert audited.state.log_names == log.state.log_names


def test_a_rewritten_past_is_told(log: AuthorityLog) -> None:
    """Whoever has the new key, with its quorum, and a past that the old key never signed."""
    log.go_on()
    other = previous_check(lambda _size: Hash(bytes(32)))

    with pytest.raises(LogInconsistent, match="another tree"):
        replay(log.fingerprint, log.leaves, log.read, other)


def test_an_older_key_signs_up_to_the_seam(log: AuthorityLog) -> None:
    early, last, key = log.checkpoint(2), log.checkpoint(), log.keys.log
    log.go_on()
    beyond = log.checkpoint(origin=ORIGIN, signer=key)

    for each in (early, last):
        assert signed_by_any(each.to_bytes(), ORIGIN, log.state) == each
    with pytest.raises(UntrustedCheckpoint, match="older log key"):
        signed_by_any(beyond.to_bytes(), ORIGIN, log.state)
    with pytest.raises(UntrustedCheckpoint, match="another log"):
        signed_by_any(beyond.to_bytes(), "other.example", log.state)
    with pytest.raises(UntrustedCheckpoint):
        signed_by_any(log.checkpoint(origin=ORIGIN).to_bytes(), ORIGIN, log.state)


def test_a_log_names_the_key_of_its_checkpoint(log: AuthorityLog) -> None:
    old, before = log.keys.log, log.state
    check_named(log.checkpoint(), log.state)
    log.append(log.origin_leaf())
    with pytest.raises(LogInconsistent):
        check_named(log.checkpoint(), log.state)
    log.submit(log.new_keys())

    check_named(log.checkpoint(), log.state)
    with pytest.raises(UntrustedError):
        check_named(log.checkpoint(origin=ORIGIN, signer=old), log.state)
    with pytest.raises(UntrustedError):
        check_named(log.checkpoint(), before)
    with pytest.raises(UntrustedError):
        check_named(log.checkpoint(signer=old), log.state)


def test_what_was_proved_once_is_believed(log: AuthorityLog) -> None:
    keys = log.state.newest_keys
    assert keys is not None
    note = log.checkpoint(root=Hash(bytes(32))).to_bytes().decode()

    believed_root(note, keys, 3)
    with pytest.raises(UntrustedCheckpoint):
        believed_root(note, keys, 4)


def test_roots_behind_a_tree() -> None:
    leaves = [b"a", b"b", b"c"]
    hashes = [leaf_hash(each) for each in leaves]
    root_at = root_of(Frontier().extended(hashes[:1]), leaves[1:])
    assert root_at(1) == hashes[0]
    assert root_at(3) == Frontier().extended(hashes).root()
