from pathlib import Path

from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from keyturn.base.encoding import sha256
from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.kekid import kek_id, kek_id_of
from keyturn.hsm.kekwork import KekProfile
from keyturn.hsm.profiles import kek_value
from support.hsmsession import open_slot

KEY = bytes(range(32))
ID = "2ee5288a6f739c219e2cbd8714f6c8ba50f13d8652d368e177a774e416d5244a"  # our protocol §10.13


def test_the_id_is_the_one_of_the_protocol() -> None:
    wrapped = aes_key_wrap(KEY, bytes(32))
    assert kek_id_of(KEY) == sha256(b"keyturn-kek-id-v1" + wrapped).hex()
    assert kek_id_of(bytearray(KEY)) == ID != kek_id_of(bytes(32))


def test_the_token_computes_the_same_id(tmp_path: Path) -> None:
    with open_slot(tmp_path / "t") as slot:
        template = kek_value(KekProfile.RECOVERABLE, KEY).plus((Attr.TOKEN, False))
        assert kek_id(slot.session, slot.session.create(template)) == kek_id_of(KEY)
