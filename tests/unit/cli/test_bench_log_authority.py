"""The bench's authority is one: real quorums, and entries that a client reads."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keyturn.cli.bench_log_authority import SIGNING, BenchAuthority, ed25519_spki, judged
from keyturn.keyrelease.entries import read_grant
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.state import replay


def test_a_log_with_real_quorums_and_grants_that_differ() -> None:
    authority = BenchAuthority("bench.test/log", ed25519_spki(Ed25519PrivateKey.generate()))
    authority.fill(4)
    assert len(authority.leaves) == 5
    leaves = [authority.leaf(index) for index in range(1010)]
    state = replay(authority.state.fingerprint, leaves, lambda digest: authority.objects[digest])
    assert len(state.by_digest) == 4
    assert len(set(leaves)) == 1010
    entry = parse_entry(leaves[1005])
    assert entry.kind is EntryKind.GRANT
    assert read_grant(entry).node == authority.node(1005) == "node-0005"


def test_a_statement_is_judged_with_its_whole_quorum() -> None:
    authority = BenchAuthority("bench.test/log", ed25519_spki(Ed25519PrivateKey.generate()))
    assert judged(authority, authority.platforms("new")) == list(SIGNING)
