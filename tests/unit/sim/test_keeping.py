"""Authorities in files: every key and certificate back, and nothing else believed."""

from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn_sim import SimVendors
from keyturn_sim.keeping import keep, kept, write_private
from keyturn_sim.pki import key_to_der
from keyturn_sim.tdx import SimIntel


def test_what_is_kept_reads_back(vendors: SimVendors) -> None:
    written = dump(keep(vendors.intel))
    again = kept(SimIntel, parse_object(written, limit=1 << 20, what="intel"))
    assert again.root == vendors.intel.root
    assert key_to_der(again.signer_key) == key_to_der(vendors.intel.signer_key)


def test_a_field_too_many_is_refused(vendors: SimVendors) -> None:
    written = dump({**keep(vendors.intel), "more": 1})
    with pytest.raises(MalformedError, match="unknown field"):
        kept(SimIntel, parse_object(written, limit=1 << 20, what="intel"))


def test_a_file_is_private_from_its_first_byte_on(tmp_path: Path) -> None:
    write_private(tmp_path / "file", b"one")
    write_private(tmp_path / "file", b"two")
    assert (tmp_path / "file").read_bytes() == b"two"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
