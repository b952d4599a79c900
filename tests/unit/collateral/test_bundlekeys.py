"""Keys of bundles and their roots: made once, never open to others, rotated by both keys."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tuf.api.metadata import Metadata, Root

from keyturn.collateral.bundlekeys import (
    ROOT_LIFE,
    digest_of_key,
    key_digest,
    new_bundle_key,
    open_bundle_key,
    roots_for,
    signer_of,
)
from keyturn.collateral.errors import BundleKeyRefused, BundleMalformed
from support.vendoranswers import NOW


def root_of(raw: bytes) -> Root:
    return Metadata[Root].from_bytes(raw).signed


def test_a_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "key"
    made = new_bundle_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key_digest(open_bundle_key(path)) == key_digest(made)
    assert digest_of_key(signer_of(made).public_key) == key_digest(made)
    with pytest.raises(BundleKeyRefused, match="cannot be made"):
        new_bundle_key(path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    new_bundle_key(path)
    path.chmod(0o640)
    with pytest.raises(BundleKeyRefused, match="others"):
        open_bundle_key(path)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(BundleKeyRefused, match="cannot be read"):
        open_bundle_key(path)
    path.touch(0o600)
    with pytest.raises(BundleKeyRefused, match="cannot be opened"):
        open_bundle_key(path)
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(other)
    with pytest.raises(BundleKeyRefused, match="another kind"):
        open_bundle_key(path)


def test_the_first_root_is_made_and_stays(tmp_path: Path) -> None:
    key = new_bundle_key(tmp_path / "key")
    roots = roots_for(tmp_path / "roots", key, NOW)
    assert [root_of(each).version for each in roots] == [1]
    assert roots_for(tmp_path / "roots", key, NOW + timedelta(days=200)) == roots


def test_a_root_near_its_end_is_renewed_by_the_same_key(tmp_path: Path) -> None:
    key = new_bundle_key(tmp_path / "key")
    first = roots_for(tmp_path / "roots", key, NOW)
    later = NOW + ROOT_LIFE - timedelta(days=80)
    renewed = roots_for(tmp_path / "roots", key, later)
    assert renewed[:1] == first
    assert root_of(renewed[1]).expires == later + ROOT_LIFE
    assert root_of(renewed[1]).version == 2


def test_a_new_key_needs_the_old_one(tmp_path: Path) -> None:
    old, new, stranger = (new_bundle_key(tmp_path / name) for name in "abc")
    folder = tmp_path / "roots"
    roots_for(folder, old, NOW)
    for wrong in (None, stranger):
        with pytest.raises(BundleKeyRefused, match="another key"):
            roots_for(folder, new, NOW, wrong)
    roots = roots_for(folder, new, NOW, old)
    first, second = (Metadata[Root].from_bytes(each) for each in roots)
    first.signed.verify_delegate("root", second.signed_bytes, second.signatures)
    second.signed.verify_delegate("root", second.signed_bytes, second.signatures)


def test_a_folder_with_gaps_or_garbage_is_refused(tmp_path: Path) -> None:
    key = new_bundle_key(tmp_path / "key")
    folder = tmp_path / "roots"
    roots_for(folder, key, NOW)
    (folder / "3.root.json").write_bytes(b"{}")
    with pytest.raises(BundleMalformed, match="missing"):
        roots_for(folder, key, NOW)
    (folder / "3.root.json").rename(folder / "2.root.json")
    with pytest.raises(BundleMalformed, match="cannot be read"):
        roots_for(folder, key, NOW)
