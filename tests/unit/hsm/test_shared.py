"""One module, several users in a process: started once, stopped by the last."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.hsm.cryptoki import Rv
from keyturn.hsm.errors import HsmError, HsmUnreachable
from keyturn.hsm.pkcs11 import Library
from keyturn.hsm.shared import shared_library
from support.card import Reader, card_reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with card_reader(tmp_path / "cards") as found:
        yield found


def test_users_share_one_library_and_the_last_one_stops_it(reader: Reader) -> None:
    with shared_library(reader.module) as first:
        with shared_library(reader.module) as second:
            assert second is first
        assert first.slots()
    with pytest.raises(HsmError) as stopped:
        first.slots()
    assert stopped.value.rv == Rv.CRYPTOKI_NOT_INITIALIZED


def test_it_starts_again(reader: Reader) -> None:
    for _ in range(2):
        with shared_library(reader.module) as library:
            assert library.slots()


def test_two_names_of_one_file_are_one_module(reader: Reader, tmp_path: Path) -> None:
    link = tmp_path / "card.so"
    link.symlink_to(reader.module)
    with shared_library(reader.module) as first, shared_library(link) as second:
        assert second is first


def test_one_that_something_else_started_is_used_and_not_stopped(reader: Reader) -> None:
    other = Library(reader.module)
    try:
        with shared_library(reader.module) as library:
            assert library.slots()
        assert other.slots()
        with pytest.raises(HsmUnreachable, match="does not start"):
            Library(reader.module)
    finally:
        other.close()


def test_what_does_not_start_is_not_remembered(tmp_path: Path) -> None:
    module = tmp_path / "card.so"
    for content in (None, b"not a library"):
        if content:
            module.write_bytes(content)
        with pytest.raises(HsmUnreachable), shared_library(module):
            pass
