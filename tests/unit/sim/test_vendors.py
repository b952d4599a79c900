"""Vendors are kept in a private folder and read back the same."""

from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn_sim import SimVendors
from keyturn_sim.vendors import FILE


def test_saved_vendors_read_back_the_same(vendors: SimVendors, tmp_path: Path) -> None:
    folder = tmp_path / "vendors"
    vendors.save(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    again = SimVendors.load(folder)
    assert (again.roots, again.product) == (vendors.roots, "Genoa")
    assert again.root_der == vendors.root_der
    again.issue_gpu({})


def test_a_changed_file_is_refused(vendors: SimVendors, tmp_path: Path) -> None:
    vendors.save(tmp_path)
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"format":1', '"format":1,"more":1'))
    with pytest.raises(MalformedError, match="unknown field"):
        SimVendors.load(tmp_path)


def test_roots_are_named_by_vendor(vendors: SimVendors) -> None:
    assert set(vendors.roots) == {"amd-sev", "nvidia-device", "intel-sgx", "tpm", "nvidia-rim"}
    assert all(len(bytes.fromhex(spki)) == 32 for spki in vendors.roots.values())


def test_an_unknown_product_is_refused() -> None:
    with pytest.raises(ValueError, match="no product"):
        SimVendors.create("Naples")
