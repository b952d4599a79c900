"""The official vectors of SLIP-0039 (tests/vectors/slip39/README.md), each to its outcome."""

import json
from pathlib import Path

import pytest

from keyturn.ceremony.mnemonic import parse_words, write_words
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault, ShareRefused
from keyturn.ceremony.slip39 import combine

CASES = json.loads((Path(__file__).parent / "slip39" / "vectors.json").read_text("utf-8"))
PASSPHRASE = b"TREZOR"
FAULTS = {
    "invalid checksum": ShareFault.CHECKSUM,
    "invalid padding": ShareFault.FORM,
    "greater group threshold": ShareFault.FORM,
    "different identifiers": ShareFault.OTHER_SET,
    "different iteration exponents": ShareFault.OTHER_SET,
    "mismatching": ShareFault.OTHER_SET,
    "duplicate member indices": ShareFault.TWICE,
    "invalid digest": ShareFault.WRONG_SECRET,
    "insufficient length": ShareFault.LENGTH,
    "invalid master secret length": ShareFault.LENGTH,
    "nsufficient number": ShareFault.TOO_FEW,
    "Basic sharing": ShareFault.TOO_FEW,
}


def test_all_vectors_are_there() -> None:
    assert [int(each[0].split(".")[0]) for each in CASES] == list(range(1, 46))
    assert sum(not each[2] for each in CASES) == 30


@pytest.mark.parametrize("case", [each for each in CASES if each[2]], ids=lambda case: case[0])
def test_a_secret_comes_back(case: list[str]) -> None:
    _, mnemonics, expected, *_ = case
    shares = [parse_words(each.encode()) for each in mnemonics]
    assert combine(shares, PASSPHRASE).hex() == expected
    assert [write_words(each).decode() for each in shares] == list(mnemonics)


@pytest.mark.parametrize("case", [each for each in CASES if not each[2]], ids=lambda case: case[0])
def test_what_is_wrong_is_refused(case: list[str]) -> None:
    name, mnemonics, *_ = case
    with pytest.raises((MalformedShare, ShareRefused)) as refused:
        combine([parse_words(each.encode()) for each in mnemonics], PASSPHRASE)
    assert isinstance(refused.value, (MalformedShare, ShareRefused))
    assert refused.value.fault is next(fault for part, fault in FAULTS.items() if part in name)
