import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import load_verify_key
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.errors import MalformedNote, UntrustedCheckpoint, UntrustedProof
from keyturn.tlog.merkle import Hash
from keyturn.tlog.receipts import Receipt, parse_receipt, verify_receipt
from unit.tlog.reference_tree import mth, path

ORIGIN = "example.com/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = load_verify_key(
    LOG.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
LEAVES = [b'{"entry":%d}' % each for each in range(11)]


def receipt(index: int = 4) -> Receipt:
    checkpoint = Checkpoint(ORIGIN, len(LEAVES), Hash(mth(LEAVES)))
    note = sign_checkpoint(checkpoint, LOG_KEY, LOG.sign).to_bytes()
    proof = tuple(Hash(each) for each in path(index, LEAVES))
    return Receipt(index, LEAVES[index], proof, note)


@pytest.mark.parametrize("index", range(len(LEAVES)))
def test_a_receipt_proves_its_entry(index: int) -> None:
    found = verify_receipt(parse_receipt(receipt(index).to_bytes()), LOG_KEY, ORIGIN)
    assert (found.index, found.leaf) == (index, LEAVES[index])
    assert found.checkpoint.checkpoint.size == len(LEAVES)


def test_the_fields_of_a_receipt() -> None:
    document = json.loads(receipt().to_bytes())
    assert list(document) == ["type", "format", "index", "leaf", "proof", "checkpoint"]
    assert document["leaf"] == "eyJlbnRyeSI6NH0="
    assert parse_receipt(receipt().to_bytes()) == receipt()


def test_an_entry_at_another_index_or_with_another_leaf_is_not_proved() -> None:
    with pytest.raises(UntrustedProof):
        verify_receipt(replace(receipt(), index=5), LOG_KEY, ORIGIN)
    with pytest.raises(UntrustedProof):
        verify_receipt(replace(receipt(), leaf=b"other"), LOG_KEY, ORIGIN)


def test_another_log_is_refused() -> None:
    with pytest.raises(UntrustedCheckpoint):
        verify_receipt(receipt(), LOG_KEY, "example.com/other")


@given(st.data())
def test_a_flipped_bit_is_malformed_or_unproved(data: st.DataObject) -> None:
    raw = bytearray(receipt().to_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((MalformedError, UntrustedError)):
        verify_receipt(parse_receipt(bytes(raw)), LOG_KEY, ORIGIN)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("type"),
        lambda d: d.pop("checkpoint"),
        lambda d: d.update(type="grant"),
        lambda d: d.update(format=2),
        lambda d: d.update(format=True),
        lambda d: d.update(extra=1),
        lambda d: d.update(index=-1),
        lambda d: d.update(index="4"),
        lambda d: d.update(index=4.0),
        lambda d: d.update(index=2**53 - 1),
        lambda d: d.update(leaf=""),
        lambda d: d.update(leaf="eyJlbnRyeSI6NH0"),
        lambda d: d.update(leaf="A" * 90_000),
        lambda d: d.update(proof="00"),
        lambda d: d.update(proof=[1]),
        lambda d: d.update(proof=["00"]),
        lambda d: d.update(proof=[d["proof"][0].upper()]),
        lambda d: d.update(proof=["00" * 32] * 107),
        lambda d: d.update(checkpoint=""),
        lambda d: d.update(checkpoint="\ud800"),
        lambda d: d.update(checkpoint=None),
    ],
)
def test_malformed_receipts(change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(receipt().to_bytes())
    change(document)
    with pytest.raises(MalformedNote):
        parse_receipt(json.dumps(document).encode())


def test_bytes_that_are_no_receipt() -> None:
    for raw in (b"", b"[]", receipt().to_bytes() + b"x", receipt().to_bytes()[:-1]):
        with pytest.raises(MalformedNote):
            parse_receipt(raw)
