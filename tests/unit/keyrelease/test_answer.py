"""What a node checks before it believes a grant, and how it opens the DEK (our protocol §5.6)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump
from keyturn.keyrelease.answer import CheckedAnswer, check_answer, dek_fits, open_dek
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.ear import WARNING, ear_digest
from keyturn.keyrelease.entries import grant_entry
from keyturn.keyrelease.errors import AnswerRejected
from keyturn.keyrelease.grant import GrantBody, ReleaseAnswer, make_grant, parse_answer
from keyturn.keyrelease.request import parse_request
from keyturn.quorum.bodies import OaepHash
from keyturn.quorum.entries import start_entry
from keyturn.tlog.errors import UntrustedCheckpoint, UntrustedProof
from support.hsmtoken import make_model
from support.nodes import NodeSecrets
from unit.keyrelease.release_desk import Desk, Granted
from unit.quorum.authority_log import KeyholderKeys, rsa_key

OTHER = Digest("sha256:" + "ff" * 32)
GRANT_FIELDS = set(GrantBody.__slots__) - {"raw"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def answered(desk: Desk, granted: Granted, **changed: Any) -> ReleaseAnswer:
    """An honest answer, but for what the test changes."""
    sealed = None if granted.request.purpose is Purpose.RENEWAL else desk.sealed(granted)
    return replace(parse_answer(dump(desk.document(granted, sealed))), **changed)


def check(desk: Desk, answer: ReleaseAnswer, granted: Granted) -> CheckedAnswer:
    return check_answer(answer, granted.request, desk.authority, desk.clock())


def forged(desk: Desk, granted: Granted, **entry: Any) -> ReleaseAnswer:
    """The log's own key signs for an entry that says something else: a faulty keyholder."""
    index = desk.append(granted.leaf)
    leaf = grant_entry(granted.time, replace(granted.entry, **entry))
    receipt = desk.receipt(index, leaf).to_bytes()
    return ReleaseAnswer(granted.grant.raw, desk.sealed(granted), granted.ear, receipt)


# Good answers


def test_a_good_answer_is_believed_and_opens(desk: Desk) -> None:
    granted = desk.granted()
    checked = check(desk, answered(desk, granted), granted)

    assert checked.grant == granted.grant
    assert checked.entry == granted.entry
    assert checked.index == len(desk.log.leaves) - 1
    assert checked.ear.lease == granted.grant.lease
    secrets = desk.node.secrets
    assert open_dek(checked, secrets.hpke, secrets.rsa_key) == bytearray(desk.model.dek)


def test_a_good_renewal_is_believed_and_opens_nothing(desk: Desk) -> None:
    first = desk.granted()
    answered(desk, first)
    lease = desk.lease(first)
    renewed = desk.granted(desk.request(lease=lease.id), lease)
    checked = check(desk, answered(desk, renewed), renewed)

    assert checked.sealed_dek is None
    assert checked.grant.lease == lease.id
    with pytest.raises(AnswerRejected, match="a renewal carries no DEK"):
        open_dek(checked, desk.node.secrets.hpke, desk.node.secrets.rsa_key)


# The grant


def test_an_answer_to_another_request_is_refused(desk: Desk) -> None:
    granted, other = desk.granted(), desk.granted()
    answer = answered(desk, granted)

    with pytest.raises(AnswerRejected, match="challenge differs"):
        check(desk, answer, other)
    assert check(desk, answer, granted)


def remade(grant: GrantBody, **changed: Any) -> GrantBody:
    fields = {each: getattr(grant, each) for each in GRANT_FIELDS}
    return make_grant(**{**fields, **changed})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"purpose": Purpose.RENEWAL}, "purpose"),
        ({"challenge": bytes(56)}, "challenge"),
        ({"core": bytes(32)}, "core"),
        ({"binding": bytes(64)}, "binding"),
        ({"model": OTHER}, "model"),
        ({"lease_seconds": 61}, "logged grant"),
        ({"tag": bytes(32)}, "logged grant"),
        ({"statements": ()}, "logged grant"),
        ({"oaep_hash": OaepHash.SHA1}, "logged grant"),
    ],
)
def test_a_changed_grant_is_refused(desk: Desk, change: dict[str, Any], match: str) -> None:
    granted = desk.granted()
    answer = answered(desk, granted)
    spoilt = replace(answer, grant=remade(granted.grant, **change).raw)

    with pytest.raises(AnswerRejected, match=f"{match} differs") as refused:
        check(desk, spoilt, granted)
    assert refused.value.found != refused.value.expected
    assert check(desk, answer, granted)


def test_a_renewal_of_another_lease_is_refused(desk: Desk) -> None:
    first = desk.granted()
    answered(desk, first)
    lease = desk.lease(first)
    renewed = desk.granted(desk.request(lease=lease.id), lease)
    answer = answered(desk, renewed)
    other = replace(answer, grant=remade(renewed.grant, lease="cd" * 16).raw)

    with pytest.raises(AnswerRejected, match="lease differs"):
        check(desk, other, renewed)
    assert check(desk, answer, renewed)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_release_carries_a_dek_and_a_renewal_none(desk: Desk, purpose: Purpose) -> None:
    granted = desk.granted()
    answer = answered(desk, granted)
    wrong = replace(answer, sealed_dek=None)
    if purpose is Purpose.RENEWAL:
        lease = desk.lease(granted)
        granted = desk.granted(desk.request(lease=lease.id), lease)
        answer = answered(desk, granted)
        wrong = replace(answer, sealed_dek=b"something")

    with pytest.raises(AnswerRejected, match="a release carries a sealed DEK"):
        check(desk, wrong, granted)
    assert check(desk, answer, granted)


# The receipt


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"grant": OTHER}, "logged grant"),
        ({"evidence": OTHER}, "logged evidence"),
        ({"tls": OTHER}, "logged TLS key"),
        ({"node": "node-2"}, "logged node"),
        ({"purpose": Purpose.RENEWAL}, "logged purpose"),
        ({"lease": "cd" * 16}, "logged lease"),
        ({"challenge": bytes(56)}, "logged challenge"),
        ({"model": OTHER}, "logged model"),
        ({"core": bytes(32)}, "logged core"),
        ({"statements": (OTHER,)}, "logged statements"),
        ({"caveats": ()}, "EAR caveats"),
    ],
)
def test_an_entry_that_says_something_else_is_refused(
    desk: Desk, change: dict[str, Any], match: str
) -> None:
    granted = desk.granted()
    with pytest.raises(AnswerRejected, match=f"{match} differs"):
        check(desk, forged(desk, granted, **change), granted)

    assert check(desk, forged(desk, granted), granted)


def test_an_entry_with_another_end_is_refused(desk: Desk) -> None:
    granted = desk.granted()
    later = granted.entry.until + timedelta(seconds=1)
    with pytest.raises(AnswerRejected, match="EAR end differs"):
        check(desk, forged(desk, granted, until=later), granted)


def test_a_receipt_of_another_kind_of_entry_is_refused(desk: Desk) -> None:
    granted = desk.granted()
    answer = answered(desk, granted)
    index = desk.append(start_entry(desk.clock(), "ab" * 16, "test"))
    started = replace(answer, receipt=desk.receipt(index).to_bytes())

    with pytest.raises(AnswerRejected, match="another kind of entry") as refused:
        check(desk, started, granted)
    assert refused.value.found == "start"


def test_a_leaf_that_the_log_does_not_hold_is_refused(desk: Desk) -> None:
    granted = desk.granted()
    answer = answered(desk, granted)
    index = len(desk.log.leaves) - 1
    honest = desk.receipt(index)
    moved = replace(honest, index=index - 1)
    other = replace(honest, leaf=honest.leaf.replace(b"node-1", b"node-2"))

    for receipt in (moved, other):
        with pytest.raises(UntrustedProof):
            check(desk, replace(answer, receipt=receipt.to_bytes()), granted)
    assert check(desk, answer, granted)


def test_another_log_keys_checkpoint_is_refused(desk: Desk) -> None:
    granted = desk.granted()
    answer = answered(desk, granted)
    authority = desk.authority
    stranger = KeyholderKeys()
    stranger.ingest = desk.log.keys.ingest
    desk.log.keys, honest = stranger, desk.log.keys
    receipt = desk.receipt(len(desk.log.leaves) - 1).to_bytes()
    desk.log.keys = honest

    with pytest.raises(UntrustedCheckpoint):
        check_answer(replace(answer, receipt=receipt), granted.request, authority, desk.clock())


# The EAR


def with_ear(desk: Desk, granted: Granted, ear: str) -> tuple[ReleaseAnswer, Granted]:
    """The grant and its entry name this EAR."""
    grant = remade(granted.grant, ear=ear_digest(ear))
    made = replace(granted, grant=grant, ear=ear, entry=replace(granted.entry, grant=grant.digest))
    return answered(desk, made), made


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"challenge": bytes(56)}, "EAR nonce"),
        ({"lease": "cd" * 16}, "EAR lease"),
        ({"model": OTHER}, "EAR model"),
        ({"tls": OTHER}, "EAR TLS key"),
        ({"prompt": OTHER}, "EAR prompt key"),
        ({"caveats": ("no-witness",)}, "EAR caveats"),
    ],
)
def test_an_ear_about_something_else_is_refused(
    desk: Desk, change: dict[str, Any], match: str
) -> None:
    granted = desk.granted()
    decision: Any = desk.decided(granted.request)
    claims = desk.claims(granted.request, decision, granted.grant.lease, granted.entry.until)
    answer, made = with_ear(desk, granted, desk.signed_ear(replace(claims, **change)))
    with pytest.raises(AnswerRejected, match=f"{match} differs"):
        check(desk, answer, made)

    answer, made = with_ear(desk, granted, desk.signed_ear(claims))
    assert check(desk, answer, made)


@pytest.mark.parametrize("status", [0, 1, 3, 31, 33, 96, 127])
def test_an_ear_that_neither_affirms_nor_warns_is_refused(desk: Desk, status: int) -> None:
    granted = desk.granted()
    decision: Any = desk.decided(granted.request)
    claims = desk.claims(granted.request, decision, granted.grant.lease, granted.entry.until)
    *others, last = claims.submodules
    for each, good in ((WARNING, True), (status, False)):
        changed = replace(claims, submodules=(*others, replace(last, status=each)))
        answer, made = with_ear(desk, granted, desk.signed_ear(changed))
        if good:
            assert check(desk, answer, made).ear.submodules[-1].status == WARNING
        else:
            with pytest.raises(AnswerRejected, match="does not affirm every device"):
                check(desk, answer, made)


def test_an_ear_names_the_prompt_key_of_the_request(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = replace(desk.node.secrets.public(Purpose.RELEASE), prompt=b"a prompt key")
    monkeypatch.setattr(desk.node.secrets, "public", lambda _: keys)
    granted = desk.granted()
    answer = answered(desk, granted)

    assert check(desk, answer, granted).ear.prompt is not None


def test_another_ear_is_refused(desk: Desk) -> None:
    granted, other = desk.granted(), desk.granted()
    answer = answered(desk, granted)

    with pytest.raises(AnswerRejected, match="EAR digest differs"):
        check(desk, replace(answer, ear=other.ear), granted)


def test_an_ear_that_has_ended_is_refused(desk: Desk) -> None:
    granted = desk.granted()
    answer = answered(desk, granted)
    desk.clock.advance(seconds=59)
    assert check(desk, answer, granted)
    desk.clock.advance(seconds=1)

    with pytest.raises(AnswerRejected, match="the EAR has expired"):
        check(desk, answer, granted)


# The DEK


def opened(desk: Desk, checked: CheckedAnswer) -> bytearray:
    return open_dek(checked, desk.node.secrets.hpke, desk.node.secrets.rsa_key)


def test_another_nodes_keys_do_not_open(desk: Desk) -> None:
    granted = desk.granted()
    checked = check(desk, answered(desk, granted), granted)
    mine, other = desk.node.secrets, NodeSecrets(rsa_key(3072, 2))

    for hpke_key, rsa_private in ((other.hpke, mine.rsa_key), (mine.hpke, other.rsa_key)):
        with pytest.raises(AnswerRejected, match="does not open with this node's keys"):
            open_dek(checked, hpke_key, rsa_private)
    assert opened(desk, checked) == desk.model.dek


def test_a_dek_sealed_under_another_grant_does_not_open(desk: Desk) -> None:
    granted, other = desk.granted(), desk.granted()
    checked = check(desk, answered(desk, granted), granted)

    with pytest.raises(AnswerRejected, match="does not open"):
        opened(desk, replace(checked, sealed_dek=desk.sealed(other)))


@pytest.mark.parametrize("dek", [make_model().dek, b"", bytes(31), bytes(33)], ids=len)
def test_a_dek_that_is_not_this_models_is_refused(desk: Desk, dek: bytes) -> None:
    granted = desk.granted()
    answer = answered(desk, granted)
    sealed = desk.sealed(granted, dek)

    with pytest.raises(AnswerRejected, match="tag does not verify"):
        opened(desk, check(desk, replace(answer, sealed_dek=sealed), granted))


@settings(max_examples=60)
@given(place=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_a_changed_byte_of_the_sealed_dek_is_refused(place: int, mask: int) -> None:
    raw = bytearray(SEALED)
    raw[place % len(raw)] ^= mask
    with pytest.raises(AnswerRejected, match="does not open"):
        opened(DESK, replace(CHECKED, sealed_dek=bytes(raw)))


def test_the_tag_fits_one_dek_and_one_model() -> None:
    model = make_model()
    digest = Digest("sha256:" + model.digest.hex())

    assert dek_fits(bytearray(model.dek), digest, model.tag)
    assert not dek_fits(bytearray(make_model().dek), digest, model.tag)
    assert not dek_fits(bytearray(model.dek), OTHER, model.tag)
    assert not dek_fits(bytearray(model.dek), digest, model.tag[:-1] + b"\0\0")


# Every byte of what comes

DESK = Desk()
GRANTED = DESK.granted()
ANSWER = answered(DESK, GRANTED)
CHECKED = check(DESK, ANSWER, GRANTED)
SEALED = ANSWER.sealed_dek or b""
AUTHORITY = DESK.authority


def spoil_grant(flip: Callable[[bytes], bytes]) -> ReleaseAnswer:
    return replace(ANSWER, grant=flip(ANSWER.grant))


def spoil_receipt(flip: Callable[[bytes], bytes]) -> ReleaseAnswer:
    return replace(ANSWER, receipt=flip(ANSWER.receipt))


def spoil_ear(flip: Callable[[bytes], bytes]) -> ReleaseAnswer:
    return replace(ANSWER, ear=flip(ANSWER.ear.encode()).decode("latin-1"))


@settings(max_examples=300)
@given(
    spoil=st.sampled_from([spoil_grant, spoil_receipt, spoil_ear]),
    place=st.integers(0, 10_000),
    mask=st.integers(1, 255),
)
def test_a_changed_byte_of_an_answer_is_refused(
    spoil: Callable[[Callable[[bytes], bytes]], ReleaseAnswer], place: int, mask: int
) -> None:
    def flip(raw: bytes) -> bytes:
        at = place % len(raw)
        return raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :]

    with pytest.raises(KeyturnError):
        check_answer(spoil(flip), GRANTED.request, AUTHORITY, DESK.clock())


@settings(max_examples=100)
@given(place=st.integers(0, len(GRANTED.request.raw) - 1), mask=st.integers(1, 255))
def test_an_answer_belongs_to_the_request_to_the_byte(place: int, mask: int) -> None:
    raw = bytearray(GRANTED.request.raw)
    raw[place] ^= mask
    with pytest.raises(KeyturnError):
        check_answer(ANSWER, parse_request(bytes(raw)), AUTHORITY, DESK.clock())
