"""What a witness answers is not believed further than it can be read."""

import asyncio

import pytest

from keyturn.base.errors import MalformedError
from keyturn.control.config import WitnessPlace
from keyturn.control.witnesspeer import Known, Owed, WitnessPeer, WitnessUnreachable, _known
from keyturn.wire.errors import PeerRefused
from keyturn.wire.tls import Pin

DIGEST = "sha256:" + "11" * 32


def test_what_it_knows_is_read() -> None:
    raw = (
        b'{"origin":"a","size":5,"roster":2,"pending":[{"statement":"%s","subject":"node:a",'
        b'"version":1,"size":4,"time":7}]}' % DIGEST.encode()
    )
    assert _known(200, raw) == Known(5, 2, (Owed(DIGEST, "node:a", 1, 4, 7),))
    for wrong in (b"", b"[]", raw.replace(b"5", b"-5"), raw.replace(b'"a"', b"1")):
        with pytest.raises(MalformedError):
            _known(200, wrong)


def test_a_refusal_keeps_its_kind() -> None:
    raw = b'{"error":{"kind":"BadProof","message":"no","found":"a","expected":"b","hint":""}}'
    with pytest.raises(PeerRefused) as refused:
        _known(422, raw)
    assert (refused.value.kind, refused.value.found) == ("BadProof", "a")
    with pytest.raises(PeerRefused, match="HTTP status 500"):
        _known(500, b"<html>")


def test_nobody_there_is_unreachable() -> None:
    async def ask() -> None:
        async with WitnessPeer(WitnessPlace("https://127.0.0.1:1", Pin("00" * 32))) as peer:
            await peer.log("a")

    with pytest.raises(WitnessUnreachable):
        asyncio.run(ask())
