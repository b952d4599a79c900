"""Secrets as shares: dealt to custodians alone, gathered, and wiped."""

import os
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.ceremony.custody import UNLOCKS
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.script import Action, ShareUse
from keyturn.ceremony.shareboxes import BOX_SUITE, box_info
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.sharesets import is_rehearsed
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.sharing import (
    Boxes,
    Entered,
    boxes_for,
    deal,
    keep_boxes,
    keep_boxes_before,
    kept_boxes,
    kept_sets,
    pin_descriptor,
    put_together,
    read_sets,
    sets_document,
)
from keyturn.quorum.roster import parse_roster
from keyturn.wire.ceremonies import ShareBox
from support.ceremonies import SO_SCHEME, USER_SCHEME, Cast, stream

PLAN = Digest("sha256:" + "ab" * 32)
SCHEMES = {ShareUse.USER: USER_SCHEME, ShareUse.SO: SO_SCHEME}
SECRETS = {ShareUse.USER: b"u" * 16, ShareUse.SO: b"s" * 16}
CAST = Cast()


def dealt(name: str = "one", *, rehearsal: bool = False) -> Boxes:
    secrets = {use: bytearray(each) for use, each in SECRETS.items()}
    return deal(secrets, SCHEMES, CAST.roster, name, PLAN, stream(name), rehearsal=rehearsal)


@pytest.mark.parametrize("rehearsal", [False, True])
def test_a_rehearsals_shares_are_told_by_their_own_words(rehearsal: bool) -> None:
    boxes = dealt(rehearsal=rehearsal)
    assert {is_rehearsed(each.identifier) for each in boxes.sets} == {rehearsal}
    entered, others = Entered(boxes.sets), sheets(dealt("two", rehearsal=not rehearsal), "two")
    with pytest.raises(ShareRefused) as refused:
        entered.add(ShareUse.USER, "ada", others["ada", ShareUse.USER])
    assert refused.value.fault is (ShareFault.REAL if rehearsal else ShareFault.REHEARSED)
    assert entered.entered == ()


def sheets(boxes: Boxes, name: str = "one") -> dict[tuple[str, ShareUse], bytearray]:
    found = {}
    for each in boxes.boxes:
        use = ShareUse(each.use)
        info = box_info(name, PLAN, use, each.officer, each.group, each.member)
        words = BOX_SUITE.decrypt(each.box, CAST.hpke(each.officer), info)
        found[each.officer, use] = bytearray(words)
    return found


def test_every_custodian_opens_their_own_box_and_enough_give_the_secret() -> None:
    boxes = dealt()
    words = sheets(boxes)
    assert len(words) == 8
    entered = Entered(boxes.sets)
    for officer in ("ada", "dora", "emil"):
        assert not entered.has_enough(ShareUse.USER)
        entered.add(ShareUse.USER, officer, words[officer, ShareUse.USER])
    assert entered.entered == (("user", "ada"), ("user", "dora"), ("user", "emil"))
    assert not entered.is_complete(ShareUse.USER)
    (gathering,) = entered.candidates(ShareUse.USER)
    with put_together(gathering) as secret:
        assert secret == SECRETS[ShareUse.USER]
    assert secret == bytes(16)
    assert entered.candidates(ShareUse.USER) == ()  # the shares are gone with it


def test_boxes_are_kept_and_read_again(tmp_path: Path) -> None:
    files = CeremonyFiles(tmp_path / "one")
    files.clean()
    assert (kept_boxes(files), kept_sets(files)) == ((), ())
    boxes = dealt()
    keep_boxes(files, boxes)
    assert (kept_boxes(files), kept_sets(files)) == (boxes.boxes, boxes.sets)


def test_what_a_rehearsal_found_is_shown_where_it_opens_something(tmp_path: Path) -> None:
    """What it deals replaces none of it: an old token may be opened when a new one has its PINs."""
    files = CeremonyFiles(tmp_path / "one")
    files.clean()
    old, new = (
        [ShareBox("ada", use, 0, 0, sealed) for use in uses]
        for sealed, uses in ((b"old", ("user", "backup")), (b"new", ("user", "so")))
    )
    keep_boxes_before(files, Boxes((), tuple(old)))
    assert boxes_for(files, Action.HAND_OUT) == tuple(old)
    keep_boxes(files, Boxes((), tuple(new)))
    assert boxes_for(files, Action.HAND_OUT) == (*new, old[1])
    assert boxes_for(files, Action.PROVE_SHARES) == (*new, old[1])
    for opens in UNLOCKS:
        assert boxes_for(files, opens) == (*old, new[1])


def test_no_box_holds_a_word_in_clear(tmp_path: Path) -> None:
    files = CeremonyFiles(tmp_path / "one")
    files.clean()
    boxes = dealt()
    keep_boxes(files, boxes)
    kept = b"".join(files.kept(name) or b"" for name in files.names())
    for words in sheets(boxes).values():
        assert words not in kept
        assert bytes(words[:40]) not in kept


def refusal(use: ShareUse, officer: str, words: bytearray) -> ShareFault:
    entered = Entered(dealt().sets)
    with pytest.raises(ShareRefused) as refused:
        entered.add(use, officer, words)
    assert entered.entered == ()
    return refused.value.fault


def test_a_share_of_another_ceremony_custodian_or_secret_is_refused_for_what_it_is() -> None:
    words, others = sheets(dealt()), sheets(dealt("two"), "two")
    user, so = ShareUse.USER, ShareUse.SO
    assert refusal(user, "ada", others["ada", user]) is ShareFault.OTHER_SET
    assert refusal(user, "ada", words["bela", user]) is ShareFault.OTHER_CUSTODIAN
    assert refusal(user, "ada", words["hugo", so]) is ShareFault.OTHER_USE
    assert refusal(user, "hugo", words["hugo", so]) is ShareFault.NOT_A_CUSTODIAN
    assert refusal(ShareUse.BACKUP, "ada", words["ada", user]) is ShareFault.NOT_A_CUSTODIAN


def test_a_share_counts_once() -> None:
    boxes = dealt()
    words, entered = sheets(boxes), Entered(boxes.sets)
    entered.add(ShareUse.USER, "ada", words["ada", ShareUse.USER])
    with pytest.raises(ShareRefused) as refused:
        entered.prove(ShareUse.USER, "ada", bytearray(words["bela", ShareUse.USER]))
    assert refused.value.fault is ShareFault.OTHER_CUSTODIAN
    with pytest.raises(ShareRefused) as refused:
        entered.add(ShareUse.USER, "ada", words["ada", ShareUse.USER])
    assert refused.value.fault is ShareFault.TWICE


def test_one_secrets_shares_are_parted_from_the_others() -> None:
    boxes = dealt()
    words, entered = sheets(boxes), Entered(boxes.sets)
    for officer in ("farid", "greta"):
        entered.add(ShareUse.SO, officer, words[officer, ShareUse.SO])
    part = entered.part(ShareUse.SO)
    assert entered.entered == ()
    assert part.opened(ShareUse.SO) == (boxes.sets[1].identifier, ("farid", "greta"))
    part.wipe()
    assert part.opened(ShareUse.SO) is None


def test_a_custodian_without_a_key_gets_no_share() -> None:
    cast = Cast()
    body = cast.body()
    officers = body["officers"]
    assert isinstance(officers, list)
    for each in officers:
        assert isinstance(each, dict)
        if each["id"] == "ada":
            each["hpke"] = None
    roster = parse_roster(Fields(body, "roster"))
    with pytest.raises(CeremonyRefused) as refused:
        deal(
            {ShareUse.USER: bytearray(16)},
            SCHEMES,
            roster,
            "one",
            PLAN,
            stream("one"),
            rehearsal=False,
        )
    assert refused.value.reason is CeremonyReason.UNFIT_PARTICIPANT


@pytest.mark.parametrize("size", [16, 32])
def test_a_pin_is_in_a_memory_file_for_as_long_as_it_is_used(size: int) -> None:
    secret = bytearray(range(size))
    with pin_descriptor(secret) as descriptor:
        assert os.pread(descriptor, 99, 0).decode() == bytes(secret).hex()
        kept = os.dup(descriptor)
    assert os.pread(kept, 99, 0) == bytes(2 * size)
    os.close(kept)


@pytest.mark.parametrize("raw", [b"", b"{}", sets_document(()).replace(b"1", b"2")])
def test_anything_else_is_no_list_of_sets(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read_sets(raw)


def test_shares_of_two_sets_of_one_use_are_kept_apart() -> None:
    """Of the token in use, and of the one that replaces it."""
    old, new = dealt(), dealt("two")
    (one,), (two,) = (
        tuple(each for each in boxes.sets if each.use is ShareUse.USER) for boxes in (old, new)
    )
    words, others = sheets(old), sheets(new, "two")
    entered = Entered((one, two))
    for officer in ("ada", "dora", "emil"):
        entered.add(ShareUse.USER, officer, words[officer, ShareUse.USER])
    entered.add(ShareUse.USER, "ada", others["ada", ShareUse.USER])
    assert entered.has_enough(ShareUse.USER, (one,))
    assert not entered.has_enough(ShareUse.USER, (two,))
    assert entered.holds(two, "ada")
    assert entered.holds(two, "greta")  # who has none of it
    assert not entered.holds(two, "dora")
    part = entered.part_of((one,))
    assert part.opened(ShareUse.USER) == (one.identifier, ("ada", "dora", "emil"))
    assert not entered.has_enough(ShareUse.USER)
    assert entered.entered == (("user", "ada"),)
