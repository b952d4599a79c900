"""Whose shares open the token: the log's newest proved sets, or a file's."""

import secrets
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.records import Event, Record, make_record
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareerrors import ShareRefused
from keyturn.ceremony.sharesets import ShareSet
from keyturn.keyholder.ceremonies.sharing import sets_document
from keyturn.keyholder.sharefinding import FILE, current_sets, sets_of, user_set
from support.authority import START
from support.custodians import dealt


def new_set(*, rehearsal: bool = False) -> ShareSet:
    return dealt(secrets.token_hex(16).encode(), rehearsal=rehearsal)[0]


def record(ceremony: str, facts: JsonObject) -> Record:
    return make_record(
        ceremony,
        rehearsal=False,
        seq=1,
        previous=Digest("sha256:" + "00" * 32),
        event=Event.DONE,
        step="a-step",
        time=START,
        signed=(),
        facts=facts,
    )


def shared(ceremony: str, share_set: ShareSet) -> Record:
    return record(ceremony, {"share_sets": [share_set.document()]})  # type: ignore[list-item]


def proved(ceremony: str) -> Record:
    return record(ceremony, {"proved": []})


def find(file: Path, *records: Record) -> tuple[ShareSet, ...]:
    by_digest = {each.digest: each.raw for each in records}
    return current_sets([each.digest for each in records], by_digest.__getitem__, file / FILE)


def test_the_newest_proved_sets_count(tmp_path: Path) -> None:
    first, second, third = new_set(), new_set(), new_set()
    records = [shared("a-1", first), proved("a-1"), shared("a-2", second), proved("a-2")]
    assert find(tmp_path, *records) == (second,)
    unproved = [*records, shared("a-3", third), record("a-4", {"x": 1})]
    assert find(tmp_path, *unproved) == (second,)
    assert find(tmp_path, *records[:2]) == (first,)


def test_a_new_tokens_sets_count_once_the_log_goes_on_under_it(tmp_path: Path) -> None:
    """A restore that was aborted is entered behind the one that came after it: its custodians'
    shares open no token, and nobody could unseal any more."""
    used, aborted = new_set(), new_set()

    def of_a_token(ceremony: str, share_set: ShareSet) -> list[Record]:
        facts: JsonObject = {"token": {}, "keys": [], "share_sets": [share_set.document()]}  # type: ignore[list-item]
        return [record(ceremony, facts), proved(ceremony)]

    stands: JsonObject = {"authority": "", "origin": "log.example.2", "size": 9, "root": ""}
    restored = [*of_a_token("r-2", used), record("r-2", stands)]
    assert find(tmp_path, *restored, *of_a_token("r-1", aborted)) == (used,)
    assert find(tmp_path, *restored, *of_a_token("h-3", aborted), record("h-3", {})) == (used,)
    assert find(tmp_path, *of_a_token("r-1", aborted)) == ()


def test_without_a_record_the_file_counts_and_else_nothing(tmp_path: Path) -> None:
    assert find(tmp_path) == ()
    share_set = new_set()
    (tmp_path / FILE).write_bytes(sets_document((share_set,)))
    assert find(tmp_path) == (share_set,)
    assert user_set(find(tmp_path)) == share_set
    newer = new_set()
    assert find(tmp_path, shared("a-1", newer), proved("a-1")) == (newer,)


def test_a_rehearsals_sets_are_of_no_keyholder(tmp_path: Path) -> None:
    rehearsed = new_set(rehearsal=True)
    (tmp_path / FILE).write_bytes(sets_document((rehearsed,)))
    with pytest.raises(ShareRefused, match="a share set of a rehearsal"):
        find(tmp_path)
    with pytest.raises(ShareRefused):
        find(tmp_path, shared("a-1", rehearsed), proved("a-1"))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"x" * (2 << 20)])
def test_a_file_that_is_none_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / FILE).write_bytes(raw)
    with pytest.raises(MalformedError):
        find(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(MalformedError):
        find(tmp_path)


def test_facts_that_are_no_sets_are_refused() -> None:
    assert sets_of(record("a-1", {})) == ()
    with pytest.raises(MalformedError):
        sets_of(record("a-1", {"share_sets": [{"use": "user"}]}))
    assert user_set(()) is None
    assert all(each.use is ShareUse.USER for each in (new_set(),))
