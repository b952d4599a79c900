"""The host's key: new for each process, signed where there is a key that signs."""

from datetime import UTC, datetime

import pytest

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.hostdocument import parse_host
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareboxes import entry_info, seal_entry
from keyturn.keyholder.ceremonies.hostkey import HostKey
from support.ceremonies import Cast
from support.ceremonies_host import Seat

PREVIOUS = Digest("sha256:" + "ab" * 32)
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


def test_a_share_that_was_sealed_to_it_opens_and_for_another_process_does_not() -> None:
    key = HostKey()
    host = parse_host(key.document(None, 0, bytes(32), NOW, None)).document
    info = entry_info(host.boot, "one", PREVIOUS, ShareUse.USER, "ada")
    sealed = seal_entry(b"words", host.key, info)
    assert key.open(sealed, "one", PREVIOUS, ShareUse.USER, "ada") == b"words"
    with pytest.raises(CeremonyRefused):
        HostKey().open(sealed, "one", PREVIOUS, ShareUse.USER, "ada")


def test_it_is_signed_where_there_is_a_key_for_it() -> None:
    key, seat = HostKey(rehearsal=True), Seat(Cast(), "ada")
    said = parse_host(key.document(PREVIOUS, 7, bytes(32), NOW, seat.sign))
    assert said.envelope is not None
    assert said.envelope.signatures[0].key_id == seat.key_id
    found = said.document
    assert (found.authority, found.size, found.time, found.rehearsal) == (PREVIOUS, 7, NOW, True)
    assert found.boot == key.boot != HostKey().boot
