"""A custodian's share: opened by them alone, for this place alone, and checked before it leaves."""

from dataclasses import replace

import pytest

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.hostdocument import parse_host
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareboxes import box_info, seal_box
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault, ShareRefused
from keyturn.client.ceremonyshares import (
    boxes_of,
    check_typed,
    open_box,
    seal_share,
    set_of,
    uses_to_enter,
)
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.wire.ceremonies import ShareBox
from support.ceremonies import Cast, Play, playing_genesis, share_sets
from support.playedhost import PlayedHost, secret_of


def host_at(step: str) -> tuple[PlayedHost, Play]:
    play = next(each for each in playing_genesis() if each.step.id == step)
    return PlayedHost(play.cast, play), play


def signer(officer: str) -> OfficerSigner:
    return OfficerSigner(secret_of(Cast(), officer))


HOST, PLAY = host_at("hand-out")
SETS = share_sets(PLAY.plan)
BOXES = HOST.boxes()


def box(officer: str, use: ShareUse) -> ShareBox:
    return next(each for each in boxes_of(BOXES, officer) if each.use == use.value)


def test_each_custodian_opens_their_own_shares() -> None:
    assert [each.use for each in boxes_of(BOXES, "ada")] == ["user", "backup"]
    share = open_box(PLAY.course, SETS, box("ada", ShareUse.USER), signer("ada"))
    assert (share.use, share.member) == (ShareUse.USER, SETS[0].members[0])
    assert len(share.words.split()) == 20
    assert "words" not in repr(share)
    share.wipe()
    assert not any(share.words)


def test_nobody_opens_another_ones_share() -> None:
    with pytest.raises(CeremonyRefused, match="cannot be opened with your key"):
        open_box(PLAY.course, SETS, box("ada", ShareUse.USER), signer("bela"))
    relabelled = replace(box("ada", ShareUse.USER), officer="bela")
    with pytest.raises(CeremonyRefused, match="cannot be opened with your key"):
        open_box(PLAY.course, SETS, relabelled, signer("bela"))


@pytest.mark.parametrize("changed", [{"group": 1}, {"member": 1}, {"use": "backup"}, {"use": "x"}])
def test_a_box_in_another_place_does_not_open(changed: dict[str, object]) -> None:
    moved = replace(box("ada", ShareUse.USER), **changed)  # type: ignore[arg-type]
    with pytest.raises(CeremonyRefused):
        open_box(PLAY.course, SETS, moved, signer("ada"))


def test_a_box_of_another_ceremony_does_not_open() -> None:
    other = next(each for each in playing_genesis(rehearsal=False) if each.step.id == "hand-out")
    with pytest.raises(CeremonyRefused):
        open_box(other.course, share_sets(other.plan), box("ada", ShareUse.USER), signer("ada"))


def test_a_box_with_another_share_in_it_is_noticed() -> None:
    """Whoever deals may seal something else than the set says."""
    mine = box("ada", ShareUse.USER)
    theirs = open_box(PLAY.course, SETS, box("bela", ShareUse.USER), signer("bela"))
    place = PLAY.course.place
    info = box_info(place.ceremony, PLAY.signed_plan.digest, ShareUse.USER, "ada", 0, 0)
    public = Cast().hpke("ada").public_key().public_bytes_raw()
    forged = replace(mine, box=seal_box(theirs.words, public, info))
    with pytest.raises(ShareRefused) as refused:
        open_box(PLAY.course, SETS, forged, signer("ada"))
    assert refused.value.fault is ShareFault.OTHER_CUSTODIAN


def test_typed_words_are_checked_before_they_leave() -> None:
    share = open_box(PLAY.course, SETS, box("ada", ShareUse.USER), signer("ada"))
    assert check_typed(SETS, ShareUse.USER, "ada", share.words) == share.member
    with pytest.raises(ShareRefused):
        check_typed(SETS, ShareUse.USER, "bela", share.words)
    with pytest.raises(ShareRefused):
        check_typed(SETS, ShareUse.BACKUP, "ada", share.words)
    with pytest.raises(MalformedShare):
        check_typed(SETS, ShareUse.USER, "ada", share.words[:-4])


def test_a_share_of_an_older_set_may_be_typed() -> None:
    """A token that is replaced is opened by the shares that stood, once new ones were dealt."""
    share = open_box(PLAY.course, SETS, box("ada", ShareUse.USER), signer("ada"))
    newer = replace(SETS[0], identifier=SETS[0].identifier ^ 1)
    assert check_typed((*SETS, newer), ShareUse.USER, "ada", share.words) == share.member
    with pytest.raises(ShareRefused):
        check_typed((newer,), ShareUse.USER, "ada", share.words)


def test_an_entered_share_is_sealed_for_one_host_one_step_one_officer() -> None:
    host, play = host_at("prove-shares")
    share = open_box(play.course, SETS, box("ada", ShareUse.USER), signer("ada"))
    document = parse_host(host.host_document()).document
    sealed = seal_share(play.course, document, ShareUse.USER, "ada", share.words)
    assert host._opened(sealed, "ada") == (ShareUse.USER, share.words)
    with pytest.raises(CeremonyRefused):
        host._opened(sealed, "bela")
    other, _ = host_at("prove-shares")
    with pytest.raises(CeremonyRefused):
        other._opened(sealed, "ada")
    play.fail()
    with pytest.raises(CeremonyRefused):
        host._opened(sealed, "ada")


def test_which_shares_are_entered() -> None:
    _, play = host_at("prove-shares")
    assert uses_to_enter(play.course, play.step, "ada") == (ShareUse.USER, ShareUse.BACKUP)
    assert uses_to_enter(play.course, play.step, "farid") == (ShareUse.SO,)
    assert uses_to_enter(play.course, play.step, "hana") == ()


def test_the_newest_set_of_a_use_counts() -> None:
    newer = replace(SETS[0], identifier=7)
    assert set_of([*SETS, newer], ShareUse.USER) is newer
    with pytest.raises(ShareRefused, match="no shares"):
        set_of([], ShareUse.USER)
