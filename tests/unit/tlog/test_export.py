import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.base.signatures import load_verify_key
from keyturn.tlog.bundles import bundle_bytes
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.errors import MalformedNote, MalformedTile, UntrustedCheckpoint, UntrustedProof
from keyturn.tlog.export import verify_export
from keyturn.tlog.merkle import Hash, leaf_hash, tree_root
from keyturn.tlog.tiles import Tile, bundles_of, tiles_of

ORIGIN = "example.com/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = load_verify_key(
    LOG.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


def leaves_of(size: int) -> list[bytes]:
    return [b"entry %d" % each for each in range(size)]


def static_log(leaves: list[bytes]) -> dict[str, bytes]:
    """The files of a log, written from the definitions of c2sp.org/tlog-tiles."""
    hashes = [leaf_hash(each) for each in leaves]
    files = {each.path: tile_bytes(hashes, each) for each in tiles_of(len(leaves))}
    for bundle in bundles_of(len(leaves)):
        start = bundle.index * 256
        files[bundle.path] = bundle_bytes(leaves[start : start + bundle.width])
    checkpoint = Checkpoint(ORIGIN, len(leaves), tree_root(hashes))
    files["checkpoint"] = sign_checkpoint(checkpoint, LOG_KEY, LOG.sign).to_bytes()
    return files


def tile_bytes(hashes: list[Hash], tile: Tile) -> bytes:
    span = 256**tile.level
    places = range(tile.index * 256, tile.index * 256 + tile.width)
    return b"".join(tree_root(hashes[i * span : (i + 1) * span]) for i in places)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 600, 65_536, 65_800])
def test_a_whole_log_verifies_and_gives_its_entries(size: int) -> None:
    log = verify_export(static_log(leaves_of(size)).get, LOG_KEY, ORIGIN)
    assert log.size == size
    assert list(log.leaves()) == leaves_of(size)


@pytest.mark.parametrize("path", sorted(static_log(leaves_of(600))))
def test_every_file_is_needed_and_every_change_is_noticed(path: str) -> None:
    files = static_log(leaves_of(600))
    whole = files.pop(path)
    with pytest.raises(MalformedTile, match="no file"):
        verify_export(files.get, LOG_KEY, ORIGIN)
    for changed in (whole[:-1], whole + b"\x00", whole[:-1] + bytes([whole[-1] ^ 1])):
        files[path] = changed
        with pytest.raises((MalformedTile, MalformedNote, UntrustedProof, UntrustedCheckpoint)):
            verify_export(files.get, LOG_KEY, ORIGIN)


def test_entries_and_tiles_changed_together_are_noticed() -> None:
    leaves = leaves_of(300)
    files = static_log(leaves)
    leaves[7] = b"another past"
    forged = static_log(leaves)
    forged["checkpoint"] = files["checkpoint"]
    with pytest.raises(UntrustedProof, match="another root"):
        verify_export(forged.get, LOG_KEY, ORIGIN)


def test_a_file_that_changes_after_the_check_is_noticed() -> None:
    leaves = leaves_of(300)
    files = static_log(leaves)
    log = verify_export(files.get, LOG_KEY, ORIGIN)
    leaves[260] = b"another past"
    files["tile/entries/001.p/44"] = bundle_bytes(leaves[256:])
    entries = log.leaves()
    assert [next(entries) for _ in range(256)] == leaves[:256]
    with pytest.raises(UntrustedProof, match="changed after"):
        next(entries)


def test_another_log_is_refused() -> None:
    with pytest.raises(UntrustedCheckpoint):
        verify_export(static_log(leaves_of(3)).get, LOG_KEY, "example.com/other")
