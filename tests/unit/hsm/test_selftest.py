import pytest

from keyturn.hsm.cryptoki import Mech
from keyturn.hsm.errors import TokenError
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.selftest import Canary, oaep, parse_canary


def test_a_canary_is_read_as_written() -> None:
    canary = Canary(b"k" * 40, b"t" * 32)
    assert parse_canary(canary.to_bytes()) == canary


@pytest.mark.parametrize("size", [0, 71, 73])
def test_a_canary_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(TokenError):
        parse_canary(bytes(size))


def test_each_hash_has_its_mechanism() -> None:
    assert oaep(OaepHash.SHA256).oaep_hash is Mech.SHA256
    assert oaep(OaepHash.SHA1).oaep_hash is Mech.SHA_1


def test_the_better_hash_is_tried_first() -> None:
    assert list(OaepHash) == [OaepHash.SHA256, OaepHash.SHA1]
