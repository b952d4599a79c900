import hashlib
import secrets
from itertools import combinations, pairwise

import pytest

from keyturn.ceremony.mnemonic import write_words
from keyturn.ceremony.plan import ShareScheme
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault, ShareRefused
from keyturn.ceremony.shares import Gathering, check_value, check_words, split
from keyturn.ceremony.sharesets import is_rehearsed
from keyturn.ceremony.slip39 import split as split_raw
from keyturn.ceremony.slip39_words import WORDS
from unit.ceremony.share_sets import FIVE, Dealt, deal, scheme

DEALT = deal()
SO = deal(ShareUse.SO, scheme((2, "fay gus hal")), (DEALT.set,))


def gathering(dealt: Dealt = DEALT, *entered: str) -> Gathering:
    found = Gathering(dealt.set, [each.set for each in (DEALT, SO) if each is not dealt])
    for officer in entered:
        found.add(officer, dealt.words(officer))
    return found


def refused(of: Gathering, officer: str, words: bytes | bytearray) -> ShareRefused:
    """The refusal; nothing is kept of it, and it names no two words of it."""
    before = of.entered
    with pytest.raises(ShareRefused) as found:
        of.add(officer, words)
    assert of.entered == before
    if found.value.fault is not ShareFault.TWICE:
        with pytest.raises(ShareRefused, match="share"):
            of.prove(officer, words)
    said = f"{found.value} {found.value.hint}"
    assert not [pair for pair in pairwise(words.decode().split()) if " ".join(pair) in said]
    return found.value


def test_a_split_secret_comes_back_from_any_three() -> None:
    for three in combinations(("ada", "bob", "cem", "dee", "eva"), 3):
        found = gathering(DEALT, *three)
        assert found.enough
        assert found.combine() == DEALT.secret


def test_fewer_than_three_give_nothing() -> None:
    for number in range(3):
        for some in combinations(("ada", "bob", "cem", "dee", "eva"), number):
            found = gathering(DEALT, *some)
            assert not found.enough
            with pytest.raises(ShareRefused, match="not enough yet") as error:
                found.combine()
            assert error.value.fault is ShareFault.TOO_FEW
            assert error.value.expected == "3 of 5"
            assert found.entered == some


def test_all_five_may_come_and_are_then_all_proved() -> None:
    found = gathering(DEALT, "eva", "dee", "cem", "bob")
    assert not found.complete
    found.add("ada", DEALT.words("ada"))
    assert found.complete
    assert found.combine() == DEALT.secret


def test_how_many_are_needed_is_counted_by_group() -> None:
    grouped = deal(by=scheme((2, "ada bob cem"), (1, "dee"), (2, "eva fay"), needed=2))
    found = gathering(grouped, "ada", "eva", "dee")
    assert [(each.have, each.threshold, each.missing) for each in found.needed()] == [
        (1, 2, 1),
        (1, 1, 0),
        (1, 2, 1),
    ]
    assert not found.enough
    found.add("fay", grouped.words("fay"))
    assert found.enough
    assert found.combine() == grouped.secret


def test_putting_together_wipes_the_shares() -> None:
    found = gathering(DEALT, "ada", "bob", "cem")
    found.combine()
    assert found.entered == ()
    assert not found.enough


def test_a_check_value_is_as_the_protocol_says() -> None:
    words = DEALT.words("ada")
    assert check_value(words) == hashlib.sha256(b"keyturn-share-check-v1" + words).hexdigest()[:8]
    assert DEALT.set.members[0].check == check_value(words)


def test_somebody_who_holds_no_share() -> None:
    error = refused(gathering(), "zoe", DEALT.words("ada"))
    assert (error.fault, error.found) == (ShareFault.NOT_A_CUSTODIAN, "zoe")


def test_another_custodians_share_is_told_by_its_place() -> None:
    error = refused(gathering(), "ada", DEALT.words("dee"))
    assert error.fault is ShareFault.OTHER_CUSTODIAN
    assert (error.found, error.expected) == ("share 4 of 5, of dee", "share 1 of 5, of ada")


def test_swapped_shares_are_both_refused() -> None:
    found = gathering()
    for officer, other in (("ada", "bob"), ("bob", "ada")):
        assert refused(found, officer, DEALT.words(other)).fault is ShareFault.OTHER_CUSTODIAN


def test_the_same_share_twice() -> None:
    error = refused(gathering(DEALT, "ada"), "ada", DEALT.words("ada"))
    assert (error.fault, error.found) == (ShareFault.TWICE, "share 1 of 5, of ada")


def test_a_share_of_another_ceremony() -> None:
    before = deal(others=(DEALT.set, SO.set))
    error = refused(gathering(), "ada", before.words("ada"))
    assert error.fault is ShareFault.OTHER_SET
    assert (error.found, error.expected) == (
        f"set {before.set.identifier}",
        f"set {DEALT.set.identifier}",
    )


def test_a_share_of_another_secret_of_the_ceremony_is_told_by_its_name() -> None:
    error = refused(gathering(), "ada", SO.words("gus"))
    assert error.fault is ShareFault.OTHER_USE
    assert "SO PIN" in error.message
    assert "user PIN" in error.expected


def test_one_identifier_alone_does_not_make_it_another_secret() -> None:
    (forged,) = split_raw(
        bytearray(16), 1, [(2, 3)], identifier=SO.set.identifier, random=secrets.token_bytes
    )
    error = refused(gathering(), "ada", write_words(forged[0]))
    assert error.fault is ShareFault.OTHER_SET


def test_a_share_of_right_form_and_wrong_content() -> None:
    (forged,) = split_raw(
        bytearray(16), 1, [(3, 5)], identifier=DEALT.set.identifier, random=secrets.token_bytes
    )
    error = refused(gathering(), "ada", write_words(forged[0]))
    assert error.fault is ShareFault.WRONG_CHECK
    assert error.expected == f"check value {DEALT.set.members[0].check}"


@pytest.mark.parametrize(
    ("group_threshold", "groups", "extendable", "exponent", "size"),
    [
        (1, [(2, 5)], False, 1, 16),
        (1, [(3, 6)], False, 1, 16),
        (1, [(3, 5), (2, 2)], False, 1, 16),
        (2, [(3, 5), (2, 2)], False, 1, 16),
        (1, [(3, 5)], True, 1, 16),
        (1, [(3, 5)], False, 0, 16),
        (1, [(3, 5)], False, 1, 32),
    ],
)
def test_a_share_of_the_same_number_and_another_shape(
    group_threshold: int, groups: list[tuple[int, int]], extendable: bool, exponent: int, size: int
) -> None:
    dealt = split_raw(
        bytearray(size),
        group_threshold,
        groups,
        identifier=DEALT.set.identifier,
        random=secrets.token_bytes,
        extendable=extendable,
        exponent=exponent,
    )
    error = refused(gathering(), "ada", write_words(dealt[-1][-1]))
    assert error.fault is ShareFault.OTHER_SET


def test_a_mistyped_share_says_which_word_and_no_more() -> None:
    words = bytes(DEALT.words("ada")).split(b" ")
    words[7] = b"academic" if words[7] != b"academic" else b"acid"
    found = gathering()
    with pytest.raises(MalformedShare) as error:
        found.add("ada", b" ".join(words))
    assert (error.value.fault, error.value.place) == (ShareFault.CHECKSUM, 8)
    assert error.value.hint == "Look at word 8 first."
    assert found.entered == ()


def test_shares_that_pass_every_check_but_give_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if check values collided: the digest within the shares has the last word."""
    (forged,) = split_raw(
        bytearray(16), 1, [(3, 5)], identifier=DEALT.set.identifier, random=secrets.token_bytes
    )
    found = gathering(DEALT, "ada", "bob")
    monkeypatch.setattr("keyturn.ceremony.shares.check_value", lambda _: DEALT.set.members[2].check)
    found.add("cem", write_words(forged[2]))
    with pytest.raises(ShareRefused) as error:
        found.combine()
    assert error.value.fault is ShareFault.WRONG_SECRET
    assert found.entered == ()


def test_proving_keeps_nothing() -> None:
    found = gathering()
    assert found.prove("ada", DEALT.words("ada")) == DEALT.set.members[0]
    assert found.entered == ()


def test_sets_of_one_ceremony_have_different_numbers() -> None:
    answers = iter([b"\x00\x05", b"\x80\x05", b"\x00\x06"])

    def random(size: int) -> bytes:
        return next(answers) if size == 2 else bytes(size)

    first, _ = split(bytearray(16), FIVE, ShareUse.USER, rehearsal=False, random=random)
    second, _ = split(
        bytearray(16), FIVE, ShareUse.SO, rehearsal=False, random=random, others=[first]
    )
    assert (first.identifier, second.identifier) == (5, 6)


@pytest.mark.parametrize(("rehearsal", "low"), [(False, 0), (True, 1 << 14)])
@pytest.mark.parametrize("drawn", [b"\x00\x00", b"\x3f\xff", b"\x40\x00", b"\x80\x00", b"\xff\xff"])
def test_the_words_say_whether_it_is_a_rehearsals(rehearsal: bool, low: int, drawn: bytes) -> None:
    share_set, shares = split(
        bytearray(16),
        FIVE,
        ShareUse.USER,
        rehearsal=rehearsal,
        random=lambda size: drawn if size == 2 else bytes(size),
    )
    assert low <= share_set.identifier < low + (1 << 14)
    assert is_rehearsed(share_set.identifier) is rehearsal
    for each in shares:
        first = bytes(each.words).split(b" ")[0].decode()
        assert (WORDS.index(first) >= 512) is rehearsal
        check_words(each.words, rehearsal=rehearsal)
        with pytest.raises(ShareRefused) as caught:
            check_words(each.words, rehearsal=not rehearsal)
        assert caught.value.fault is (ShareFault.REHEARSED if rehearsal else ShareFault.REAL)


def test_people_tell_them_by_the_first_word() -> None:
    """As docs/guides/ceremonies.md says it."""
    assert (WORDS[511], WORDS[512]) == ("lawsuit", "leader")


def test_a_real_share_in_a_rehearsal_and_the_other_way_are_told_as_that() -> None:
    rehearsed = deal(rehearsal=True)
    error = refused(gathering(rehearsed), "ada", DEALT.words("ada"))
    assert (error.found, error.expected) == ("a share of a real token", "a share of this rehearsal")
    assert "tell the witness: this host asked for real shares in a rehearsal" in error.hint
    error = refused(gathering(), "ada", rehearsed.words("ada"))
    assert error.fault is ShareFault.REHEARSED
    assert (error.found, error.expected) == ("a share of a rehearsal", "a share of the real token")
    assert "worthless" in error.hint


@pytest.mark.parametrize("rehearsal", [False, True])
def test_what_is_no_share_is_of_neither_sort(rehearsal: bool) -> None:
    words = DEALT.words("ada")
    with pytest.raises(MalformedShare):
        check_words(words[: words.rindex(b" ")], rehearsal=rehearsal)


@pytest.mark.parametrize(
    ("size", "by"),
    [
        (32, FIVE),
        (16, scheme((1, "ada bob"))),
        (16, ShareScheme(1, ())),
        (16, scheme((3, "ada bob"))),
    ],
)
def test_what_cannot_be_split_is_not(size: int, by: ShareScheme) -> None:
    with pytest.raises(ValueError, match=r"split|group"):
        split(bytearray(size), by, ShareUse.USER, rehearsal=False, random=secrets.token_bytes)


def test_a_dealt_share_shows_no_words_and_can_be_wiped() -> None:
    share = deal().shares[0]
    assert "words" not in repr(share)
    share.wipe()
    assert not any(share.words)
