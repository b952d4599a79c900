"""Keys of witnesses as people hand them over, and the rosters made of them."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import dump
from keyturn.client.errors import NotFound
from keyturn.client.witnesskeys import (
    WitnessChange,
    changed_witnesses,
    read_witness_key,
    with_witnesses,
    witnesses_body,
)
from keyturn.quorum.roster import Witnesses
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import Witness
from support.authority import Clock, spki
from support.witnesses import Pen
from unit.client.scripted_server import ScriptedServer

PEN, OTHER = Pen(), Pen("two.example")
KEY, SECOND = PEN.verify_key, OTHER.verify_key
ENTRY = {"algorithm": "ed25519", "spki": b64(KEY.spki)}
VKEY = Witness(PEN.name, KEY).note_key.to_text()


@pytest.mark.parametrize(
    "content",
    [
        dump(ENTRY),
        dump({"vkey": VKEY, "roster_entry": ENTRY}),
        dump({"name": "officer-ada", "key_id": KEY.key_id, "roster_entry": ENTRY}),
        VKEY.encode() + b"\n",
        b64(KEY.spki).encode(),
    ],
)
def test_a_file_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    assert read_witness_key(str(tmp_path / "key")) == KEY


def test_a_key_itself_is_read() -> None:
    assert read_witness_key(VKEY) == read_witness_key(b64(KEY.spki)) == KEY


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"{",
        b"\xff",
        b"x" * (1 << 17),
        b64(spki(ec.generate_private_key(ec.SECP256R1()))).encode(),
        dump({**ENTRY, "algorithm": "p256"}),
    ],
)
def test_what_is_no_witness_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(KeyturnError):
        read_witness_key(str(tmp_path / "key"))
    with pytest.raises(KeyturnError):
        read_witness_key(str(tmp_path / "nothing"))


def test_what_is_not_named_stays() -> None:
    known = Witnesses((KEY,), 1, 300)
    assert changed_witnesses(known, WitnessChange(add=(KEY, SECOND))) == Witnesses(
        (KEY, SECOND), 1, 300
    )
    assert changed_witnesses(known, WitnessChange(needed=0, fresh_seconds=60)) == Witnesses(
        (KEY,), 0, 60
    )
    drop = WitnessChange(add=(SECOND,), drop=(KEY.key_id[:12],))
    assert changed_witnesses(known, drop) == Witnesses((SECOND,), 1, 300)


def test_what_cannot_be_is_refused() -> None:
    known = Witnesses((KEY,), 1, 300)
    with pytest.raises(MalformedError, match="more witnesses"):
        changed_witnesses(known, WitnessChange(needed=2))
    with pytest.raises(MalformedError):
        changed_witnesses(known, WitnessChange(drop=(KEY.key_id,)))
    for name in ("", KEY.key_id[:7], "0" * 64):
        with pytest.raises(NotFound):
            changed_witnesses(known, WitnessChange(drop=(name,)))
    with pytest.raises(NotFound):
        with_witnesses(AuthorityState(ScriptedServer(Clock()).fingerprint), WitnessChange())


def test_the_body_in_force_with_other_witnesses() -> None:
    state = ScriptedServer(Clock()).state
    body = with_witnesses(state, WitnessChange((KEY,), needed=1, fresh_seconds=120))
    assert body["witnesses"] == {"keys": [ENTRY], "k": 1, "t_seconds": 120}
    assert body["witnesses"] == witnesses_body(Witnesses((KEY,), 1, 120))
    assert state.roster is not None
    officers = body["officers"]
    assert isinstance(officers, list)
    assert len(officers) == len(state.roster.officers)
    assert not WitnessChange()
