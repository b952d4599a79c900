"""A PIN that one step leaves to another."""

import os

import pytest

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.hsm.pins import pin_file, read_pin
from keyturn.keyholder.ceremonies.keptpin import KeptPin


def test_a_pin_is_kept_until_it_is_forgotten() -> None:
    kept, given = KeptPin(), pin_file(bytearray(b"1234"))
    assert not kept.is_there
    kept.keep(given)
    os.close(given)
    assert kept.is_there
    assert read_pin(kept.require()) == bytearray(b"1234")
    again = os.dup(kept.require())  # as a child maps it
    kept.forget()
    kept.forget()
    assert os.pread(again, 4, 0) == bytes(4)
    os.close(again)
    with pytest.raises(CeremonyRefused) as refused:
        kept.require()
    assert refused.value.reason is CeremonyReason.LOCKED
