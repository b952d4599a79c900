"""A token is opened by a PIN that exists while it is used; each set of shares is tried once."""

import os

import pytest

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.script import ShareUse
from keyturn.hsm.errors import PinRefused
from keyturn.keyholder.ceremonies.opening import _open, open_token
from keyturn.keyholder.ceremonies.sharing import Entered
from support.ceremonies import Cast
from support.ceremonies_host import InProcess, genesis_plan
from unit.keyholder.ceremonies.test_sharing import SECRETS, dealt, sheets


def entered(*names: str) -> Entered:
    """Enough shares of each of these ceremonies' user PINs."""
    boxes = [dealt(name) for name in names]
    gathered = Entered([each.sets[0] for each in boxes])
    for name, each in zip(names, boxes, strict=True):
        words = sheets(each, name)
        for officer in ("ada", "bela", "chen"):
            gathered.add(ShareUse.USER, officer, words[officer, ShareUse.USER])
    return gathered


def test_the_pin_is_gone_after_its_use() -> None:
    seen: list[tuple[bytes, int]] = []
    shares = entered("one")
    _open(shares, lambda fd: seen.append((os.pread(fd, 99, 0), os.dup(fd))))
    ((pin, kept),) = seen
    assert pin.decode() == SECRETS[ShareUse.USER].hex()
    assert os.pread(kept, 99, 0) == bytes(32)
    os.close(kept)
    assert not shares.has_enough(ShareUse.USER)


def test_each_candidate_is_tried_once() -> None:
    tried: list[int] = []

    def refuse(descriptor: int) -> None:
        tried.append(descriptor)
        raise PinRefused("the token refused the PIN")

    with pytest.raises(PinRefused):
        _open(entered("one", "two"), refuse)
    assert len(tried) == 2


def test_too_few_shares_open_nothing(door: InProcess) -> None:
    with pytest.raises(CeremonyRefused, match="not enough shares"):
        open_token(door.host.site, genesis_plan(Cast()), Entered(()))
