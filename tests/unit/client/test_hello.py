"""Another authority is not talked to."""

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields
from keyturn.client.errors import ServerLied
from keyturn.client.hello import Hello, read_hello

PINNED = Digest("sha256:" + "11" * 32)


def said(fingerprint: str) -> Fields:
    return Fields(
        {"software": "s", "fingerprint": fingerprint, "origin": "o", "simulation": True}, "hello"
    )


def test_the_pinned_one_is_read() -> None:
    assert read_hello(said(PINNED), PINNED) == Hello("s", PINNED, "o", True)


def test_another_one_is_refused() -> None:
    with pytest.raises(ServerLied, match="another authority"):
        read_hello(said("sha256:" + "22" * 32), PINNED)
