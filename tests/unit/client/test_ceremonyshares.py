"""A custodian's share: opened by them alone, for this place alone, and checked before it leaves."""

from dataclasses import replace

import pytest

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.hostdocument import parse_host
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.shareboxes import box_info, seal_box
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault, ShareRefused
from keyturn.client.ceremonies import CeremonyReader
from keyturn.client.ceremonyshares import (
    boxes_of,
    check_typed,
    open_box,
    seal_share,
    set_of,
    uses_to_enter,
    uses_to_open,
)
from keyturn.client.ceremonysigning import sign_request
from keyturn.client.ceremonytrust import Expected, trust_host
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.wire.ceremonies import ShareBox
from support.ceremonies import Cast, Play, playing_genesis, share_sets
from support.playedhost import PlayedHost, real_now, secret_of
from support.sharethief import NAME as THIEF
from support.sharethief import Thief, sheets, thief


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
    assert check_typed(SETS, ShareUse.USER, "ada", share.words, rehearsal=True) == share.member
    with pytest.raises(ShareRefused):
        check_typed(SETS, ShareUse.USER, "bela", share.words, rehearsal=True)
    with pytest.raises(ShareRefused):
        check_typed(SETS, ShareUse.BACKUP, "ada", share.words, rehearsal=True)
    with pytest.raises(MalformedShare):
        check_typed(SETS, ShareUse.USER, "ada", share.words[:-4], rehearsal=True)


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


# ---- a rehearsal that is none ----


def handed_in(host: Thief, officer: str, words: bytes) -> None:
    """As every program of ours does it, from the first question to the last."""
    reader = CeremonyReader(host)
    followed = reader.read(THIEF)
    trusted = trust_host(reader.all().host, Expected(None, True))
    course, typed = followed.course, bytearray(words)
    use, sets = ShareUse.BACKUP, followed.share_sets
    check_typed(sets, use, officer, typed, rehearsal=course.plan.rehearsal)
    sealed = seal_share(course, trusted.document, use, officer, typed)
    host.ask(sign_request(course, Part.CUSTODIAN, signer(officer), real_now(), attached=[sealed]))


def test_a_rehearsal_that_shows_the_real_sets_is_not_read() -> None:
    """The attack: a made-up rehearsal, the real custody, a real custodian's words."""
    real = sheets(rehearsal=False)
    host = thief(real.sets)
    with pytest.raises(CeremonyRefused, match="a share set of a real token"):
        handed_in(host, "ada", real.words["ada", ShareUse.BACKUP])
    assert host.stolen == {}


def test_whatever_set_it_shows_the_words_say_that_they_are_real() -> None:
    real = sheets(rehearsal=False)
    host = thief(real.relabelled)
    with pytest.raises(ShareRefused) as refused:
        handed_in(host, "ada", real.words["ada", ShareUse.BACKUP])
    error = refused.value
    assert (error.fault, error.found) == (ShareFault.REAL, "a share of a real token")
    assert error.expected == "a share of this rehearsal"
    assert "this host asked for real shares in a rehearsal" in error.hint
    assert host.stolen == {}


def test_nothing_is_sealed_of_the_other_sort_unchecked() -> None:
    """The last gate alone, for a program that looks at nothing else."""
    real, host = sheets(rehearsal=False), thief(())
    document = parse_host(host.host_document()).document
    for (officer, use), words in real.words.items():
        with pytest.raises(ShareRefused, match="a share of a real token"):
            seal_share(host._playing().course, document, use, officer, bytearray(words))
    course = next(playing_genesis(rehearsal=False)).course
    rehearsed = sheets(rehearsal=True)
    for (officer, use), words in rehearsed.words.items():
        with pytest.raises(ShareRefused, match="a share of a rehearsal"):
            seal_share(course, document, use, officer, bytearray(words))


def test_a_rehearsals_share_gets_the_thief_nothing_that_is_real() -> None:
    rehearsed = sheets(rehearsal=True)
    host = thief(rehearsed.sets)
    handed_in(host, "ada", rehearsed.words["ada", ShareUse.BACKUP])
    assert set(host.stolen) == {("ada", ShareUse.BACKUP)}


def test_which_shares_are_entered() -> None:
    _, play = host_at("prove-shares")
    assert uses_to_enter(play.course, play.step, "ada") == (ShareUse.USER, ShareUse.BACKUP)
    assert uses_to_enter(play.course, play.step, "farid") == (ShareUse.SO,)
    assert uses_to_enter(play.course, play.step, "hana") == ()


def test_of_what_is_unmet_only_what_one_holds_and_has_not_entered() -> None:
    _, play = host_at("found")
    every = tuple(ShareUse)

    def asked(officer: str, *entered: tuple[str, str]) -> tuple[ShareUse, ...]:
        return uses_to_open(play.course, every, entered, officer)

    assert asked("ada") == (ShareUse.USER, ShareUse.BACKUP)
    assert asked("ada", ("user", "ada"), ("backup", "greta")) == (ShareUse.BACKUP,)
    assert asked("ada", ("user", "ada"), ("backup", "ada")) == ()
    assert (asked("farid"), asked("hana")) == ((ShareUse.SO,), ())
    assert uses_to_open(play.course, (ShareUse.SO,), (), "ada") == ()
    _, before = host_at("make-token")
    assert uses_to_open(before.course, every, (), "ada") == ()  # no share was dealt yet


def test_the_newest_set_of_a_use_counts() -> None:
    newer = replace(SETS[0], identifier=7)
    assert set_of([*SETS, newer], ShareUse.USER) is newer
    with pytest.raises(ShareRefused, match="no shares"):
        set_of([], ShareUse.USER)
