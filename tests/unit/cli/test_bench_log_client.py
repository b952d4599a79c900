"""What the bench keeps for its client is what the client keeps itself."""

from pathlib import Path

import pytest

from keyturn.cli import bench_log, bench_log_client
from keyturn.cli.bench_log_authority import BenchAuthority
from keyturn.cli.bench_log_client import ClientBench
from keyturn.client.kept import KeptHistory, read_kept
from keyturn.keyholder.logdisk import LogDisk
from keyturn.quorum.judge import signer_of


def test_a_kept_history_written_from_tiles_is_the_clients_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bench_log._Key()
    authority = BenchAuthority(bench_log.ORIGIN, key.spki)
    authority.fill(5)
    (tmp_path / "log").mkdir()
    bench_log._build(tmp_path / "log", key, authority, 1700)
    with LogDisk.open(tmp_path / "log", bench_log.ORIGIN, key.sign, key.public, reserve=0) as log:
        bench = ClientBench(authority, log, key.sign, tmp_path / "officer")
        bench._keep(1700)
        made = read(bench, authority)
        (bench._directory / "kept").unlink()
        monkeypatch.setattr(bench_log_client, "_nobody", lambda: authority.signer("ada"))
        client = bench._client()
        client._the_signer()
        with client:
            client.seen()
        own = read(bench, authority)
    assert (made.size, made.note, made.roots, made.tail) == (
        own.size,
        own.note,
        own.roots,
        own.tail,
    )
    assert made.changes == own.changes
    assert made.counts == own.counts
    assert {(n.node, n.index) for n in made.newest} == {(n.node, n.index) for n in own.newest}


def read(bench: ClientBench, authority: BenchAuthority) -> KeptHistory:
    roster = authority.state.roster
    assert roster is not None
    raw = (bench._directory / "kept").read_bytes()
    return read_kept(
        raw,
        authority.state.fingerprint,
        authority.origin,
        "ada",
        lambda envelope: signer_of(envelope, roster).id,
    )
