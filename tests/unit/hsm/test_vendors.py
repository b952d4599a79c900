from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.tokeninfo import ModuleInfo, Slot, TokenInfo
from keyturn.hsm.vendors import (
    GENERIC,
    NSS,
    SOFTHSM,
    VENDORS,
    VendorProfile,
    reserved_text,
    vendor_of,
    vendor_of_file,
)

TOKEN = TokenInfo(Slot(0), "label", "maker", "model", "serial", True, False)
MODULE = ModuleInfo("maker", "module", "1.0")


def test_a_vendor_is_recognised_by_maker_or_model() -> None:
    for each in VENDORS:
        for maker in each.makers:
            assert vendor_of(MODULE, replace(TOKEN, manufacturer=maker.upper())) is each
            assert vendor_of(replace(MODULE, manufacturer=maker), TOKEN) is each
        for model in each.models:
            assert vendor_of(MODULE, replace(TOKEN, model=model.title())) is each


def test_who_fits_no_profile_is_unknown_and_untested() -> None:
    assert vendor_of(MODULE, TOKEN) is GENERIC
    assert not GENERIC.tested


def test_no_two_profiles_claim_one_maker_model_or_file() -> None:
    for field in ("makers", "models", "modules"):
        claimed = [each for vendor in VENDORS for each in getattr(vendor, field)]
        assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda each: each.name)
def test_every_profile_says_where_it_is_from_and_what_to_try(vendor: VendorProfile) -> None:
    assert vendor.source
    assert vendor.key_wrap
    assert vendor.oaep
    assert vendor.login.words
    assert vendor.tested == (vendor in (SOFTHSM, NSS))
    assert vendor.tested_words == ("tested" if vendor.tested else "not tested here")


def test_a_module_is_known_by_its_file_before_it_is_started() -> None:
    assert vendor_of_file(Path("/opt/lib/libsoftokn3.so")) is NSS
    assert vendor_of_file(Path("/opt/lib/other.so")) is GENERIC


def test_a_module_that_needs_no_words_gets_none() -> None:
    assert reserved_text(Path("libsofthsm2.so"), None) == ""


def test_nss_is_told_its_directory(tmp_path: Path) -> None:
    assert f"configdir='sql:{tmp_path}'" in reserved_text(Path("libsoftokn3.so"), tmp_path)


@pytest.mark.parametrize("name", [None, "absent"])
def test_nss_without_a_directory_is_not_started(tmp_path: Path, name: str | None) -> None:
    directory = tmp_path / name if name else None
    with pytest.raises(HsmUnreachable, match="where its tokens are"):
        reserved_text(Path("libsoftokn3.so"), directory)


def test_a_directory_cannot_add_parameters(tmp_path: Path) -> None:
    odd = tmp_path / "x' flags=noDB"
    odd.mkdir()
    with pytest.raises(HsmUnreachable, match="quotation"):
        reserved_text(Path("libsoftokn3.so"), odd)
