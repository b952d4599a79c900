"""Officers' keys on real SoftHSM 2 tokens: opened by a PIN, signing, closed, and taken out."""

import logging
import shutil
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyturn.base.dsse import parse_envelope, verified_signers
from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.client.card import (
    CardInfo,
    PinState,
    create_card_key,
    find_card_key,
    list_cards,
    open_card,
)
from keyturn.client.errors import (
    CardPinRefused,
    CardRefused,
    CardUnreachable,
    CardUntrusted,
    NotFound,
)
from keyturn.hsm.card import make_pair
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.cryptoki import (
    CKF_PROTECTED_AUTHENTICATION_PATH,
    CKF_USER_PIN_LOCKED,
    Attr,
    KeyType,
    ObjectClass,
)
from keyturn.hsm.pkcs11 import Library, Session
from keyturn.hsm.shared import shared_library
from keyturn.hsm.token import find_token
from keyturn.hsm.tokeninfo import Slot, TokenInfo
from keyturn.officerkeys.errors import KeyExists, PassphraseError
from keyturn.officerkeys.location import OnCard, parse_location
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload, parse_approval
from support.authority import START
from support.card import PIN, SO_PIN, TOKEN, Hand, Reader, card_reader
from support.cardkeys import ec_point, pair_of_a_tool

DIGEST = digest_of(b"a statement")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with card_reader(tmp_path / "cards") as found:
        yield found


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One item for each PIN that a card was given: whether there was one."""
    given: list[bool] = []
    real = Session.login_user

    def spy(self: Session, pin: bytearray | None, *, once_more: bool = False) -> None:
        given.append(pin is not None)
        real(self, pin, once_more=once_more)

    monkeypatch.setattr(Session, "login_user", spy)
    return given


def try_to_open(place: OnCard, hand: Hand) -> None:
    with open_card(place, "ada", hand):
        pass


def with_flags(monkeypatch: pytest.MonkeyPatch, flags: int) -> None:
    """SoftHSM has no pad and locks nothing: its token says so all the same."""
    real = Library.token

    def token(self: Library, slot: Slot) -> TokenInfo:
        info = real(self, slot)
        return replace(info, flags=info.flags | flags)

    monkeypatch.setattr(Library, "token", token)


# Signing


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_card_signs_a_statement_that_everybody_verifies(
    reader: Reader, algorithm: Algorithm
) -> None:
    made = reader.make(algorithm)
    hand = Hand()
    with open_card(reader.place("sign"), "ada", hand) as signer:
        payload = approval_payload(DIGEST, Decision.APPROVE, officer="ada", time=START)
        raw = signer.sign(APPROVAL_TYPE, payload).to_bytes()
        key = load_verify_key(signer.spki)
        assert (signer.officer, signer.algorithm, key.algorithm) == ("ada", algorithm, algorithm)
        assert signer.key_id == key.key_id
        assert signer.derived(b"x") == b""
    assert signer.spki == made.spki
    assert verified_signers(parse_envelope(raw), {key.key_id: key}) == (key.key_id,)
    assert parse_approval(raw).officer == "ada"
    assert hand.is_wiped()
    assert len(hand.asked) == 1


def test_one_pin_serves_many_signatures_of_many_threads(reader: Reader, logins: list[bool]) -> None:
    reader.make(Algorithm.P256)
    logins.clear()
    with open_card(reader.place("sign"), "ada", Hand()) as signer:
        faults: list[BaseException] = []

        def work() -> None:
            try:
                for number in range(20):
                    signer.sign("t", b"%d" % number)  # verified before it comes back
            except BaseException as error:  # noqa: BLE001 (shown by the test's own thread)
                faults.append(error)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert faults == []
    assert logins == [True]


def test_the_session_is_logged_out_after_close(reader: Reader) -> None:
    reader.make(Algorithm.ED25519)
    private = Template(((Attr.CLASS, ObjectClass.PRIVATE_KEY),))
    with shared_library(reader.module) as library:
        slot = find_token(library, TOKEN).slot
        with open_card(reader.place("sign"), "ada", Hand()) as signer:
            with library.session(slot) as beside:
                assert len(beside.find(private)) == 1, "positive control: logged in"
            signer.sign("t", b"x")
        with library.session(slot) as beside:
            assert beside.find(private) == ()
        with pytest.raises(CardUnreachable, match="locked again"):
            signer.sign("t", b"x")
        signer.close()


def test_an_error_in_the_block_logs_out_too(reader: Reader) -> None:
    reader.make(Algorithm.ED25519)
    with pytest.raises(RuntimeError), open_card(reader.place("sign"), "ada", Hand()) as signer:
        raise RuntimeError
    with pytest.raises(CardUnreachable):
        signer.sign("t", b"x")


def test_a_login_of_another_part_of_this_process_is_not_used(reader: Reader) -> None:
    """Else a wrong PIN would open what somebody else had opened."""
    reader.make(Algorithm.ED25519)
    with open_card(reader.place("sign"), "ada", Hand()) as signer:
        with pytest.raises(CardRefused, match="open already"):
            try_to_open(reader.place("sign"), Hand(b"wrong"))
        signer.sign("t", b"the first one is still open")


def test_a_module_that_something_else_started_is_used_and_left_running(reader: Reader) -> None:
    reader.make(Algorithm.P256)
    other = Library(reader.module)
    try:
        with open_card(reader.place("sign"), "ada", Hand()) as signer:
            signer.sign("t", b"x")
        assert other.describe()
    finally:
        other.close()


# The PIN


def test_a_wrong_pin_is_given_once_and_does_not_lock(reader: Reader, logins: list[bool]) -> None:
    reader.make(Algorithm.P256)
    logins.clear()
    hand = Hand(b"not-the-pin")
    with pytest.raises(CardPinRefused) as refused:
        try_to_open(reader.place("sign"), hand)
    assert (logins, len(hand.asked), hand.is_wiped()) == ([True], 1, True)
    assert refused.value.state is PinState.LOW
    assert "few tries" in refused.value.hint
    right = Hand()
    with open_card(reader.place("sign"), "ada", right) as signer:
        signer.sign("t", b"x")
    assert right.asked[0].pin is PinState.LOW, "the officer is told before typing"
    assert list_cards([reader.module])[0].pin is PinState.FINE


@pytest.mark.parametrize("pin", [b"", b"123", bytes(8), b"x" * 300])
def test_what_cannot_be_the_pin_costs_no_try(
    reader: Reader, logins: list[bool], pin: bytes
) -> None:
    reader.make(Algorithm.P256)
    logins.clear()
    with pytest.raises(PassphraseError):
        try_to_open(reader.place("sign"), Hand(pin))
    assert logins == []
    assert list_cards([reader.module])[0].pin is PinState.FINE


def test_a_locked_card_asks_for_no_pin(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, logins: list[bool]
) -> None:
    reader.make(Algorithm.P256)
    logins.clear()
    with_flags(monkeypatch, CKF_USER_PIN_LOCKED)
    hand = Hand()
    with pytest.raises(CardPinRefused, match="locked") as refused:
        try_to_open(reader.place("sign"), hand)
    assert (hand.asked, logins, refused.value.state) == ([], [], PinState.LOCKED)


def test_at_a_pad_the_card_is_given_no_pin(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, logins: list[bool]
) -> None:
    reader.make(Algorithm.P256)
    logins.clear()
    with_flags(monkeypatch, CKF_PROTECTED_AUTHENTICATION_PATH)
    hand = Hand(b"typed here all the same")
    with pytest.raises(CardRefused, match="refused"):  # SoftHSM has no pad to ask at
        try_to_open(reader.place("sign"), hand)
    assert logins == [False]
    assert hand.asked[0].pin_pad
    assert hand.is_wiped()


def test_a_key_that_wants_its_pin_each_time_gets_it(reader: Reader, logins: list[bool]) -> None:
    with reader.as_its_tool() as session:
        pair_of_a_tool(session, "9c", (Attr.ALWAYS_AUTHENTICATE, True))
    logins.clear()
    hand = Hand()
    with open_card(reader.place("9c"), "ada", hand) as signer:
        signer.sign("t", b"one")
        signer.sign("t", b"two")
        assert [each.once_more for each in hand.asked] == [False, True, True]
        hand.pin = b"not-the-pin"
        with pytest.raises(CardPinRefused):
            signer.sign("t", b"three")
        hand.pin = PIN
        signer.sign("t", b"four")
    assert len(logins) == len(hand.asked) == 5
    assert hand.is_wiped()


def test_the_pin_is_in_no_error_no_log_and_no_local_variable(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    reader.make(Algorithm.P256)
    caplog.set_level(logging.DEBUG)
    secret = b"7355608-wrong"
    seen: list[str] = []

    def ask(info: CardInfo) -> bytearray:
        return bytearray(secret)

    def fail(info: CardInfo) -> bytearray:
        typed = bytearray(secret)
        raise CardRefused(f"given up with {len(typed)} bytes typed")

    def told(asking: object) -> str:
        try:
            with open_card(reader.place("sign"), "ada", asking) as signer:  # type: ignore[arg-type]
                seen.append(repr(signer))
        except KeyturnError as error:
            full = traceback.TracebackException.from_exception(error, capture_locals=True)
            return "".join(full.format()) + f"{error!r} {error} {error.hint} {vars(error)}"
        return ""

    assert secret.decode() in told(fail), "positive control: locals are searched"
    wrong = told(ask)
    assert "CardPinRefused" in wrong
    assert secret.decode() not in wrong + caplog.text
    with open_card(reader.place("sign"), "ada", Hand()) as signer:
        assert PIN.decode() not in repr(signer) + repr(vars(signer)) + repr(signer._opened)


# What is not there, or is there twice


def test_two_keys_of_one_label_are_named_before_a_pin_is_asked(reader: Reader) -> None:
    with reader.as_its_tool() as session:
        twins = [make_pair(session, "sign", algorithm) for algorithm in Algorithm]
    hand = Hand()
    with pytest.raises(NotFound, match="2 keys on the card") as refused:
        try_to_open(reader.place("sign"), hand)
    assert hand.asked == []
    for twin in twins:
        assert twin.id.hex() in refused.value.found
        with open_card(reader.place(twin.id.hex()), "ada", hand) as signer:
            assert signer.spki == twin.key.spki


def test_a_key_that_is_not_there_is_said_with_those_that_are(reader: Reader) -> None:
    reader.make(Algorithm.P256, "mine")
    with pytest.raises(NotFound, match="no key 'sign'") as refused:
        try_to_open(reader.place("sign"), Hand())
    assert "'mine'" in refused.value.found


def test_two_cards_of_one_label_are_told_apart_by_serial_number(tmp_path: Path) -> None:
    with card_reader(tmp_path / "cards", "one") as reader:
        with shared_library(reader.module) as library:
            free = next(each for each in library.tokens() if not each.initialised)
            library.init_token(free.slot, bytearray(SO_PIN), "one")
            serials = {each.serial for each in library.tokens() if each.initialised}
        with pytest.raises(NotFound, match="2 cards are called 'one'") as refused:
            try_to_open(reader.place("sign", "one"), Hand())
        assert all(serial in refused.value.found for serial in serials)
        for serial in serials:
            with pytest.raises(NotFound, match="no key"):
                find_card_key(reader.place("sign", serial))


@pytest.mark.parametrize("content", [None, b"not a library"])
def test_a_module_that_is_none_is_unreachable(tmp_path: Path, content: bytes | None) -> None:
    module = tmp_path / "card.so"
    if content is not None:
        module.write_bytes(content)
        module.chmod(0o600)
    with pytest.raises(CardUnreachable, match="module"):
        try_to_open(OnCard(module, "a", "b"), Hand())
    with pytest.raises(CardUnreachable):
        list_cards([module])


def test_a_module_that_others_may_change_is_not_loaded(tmp_path: Path, reader: Reader) -> None:
    module = tmp_path / "card.so"
    shutil.copy(reader.module, module)
    module.chmod(0o666)
    with pytest.raises(CardUntrusted, match="others may change"):
        list_cards([module])


def test_a_card_taken_out_is_an_error_and_comes_back(reader: Reader) -> None:
    reader.make(Algorithm.ED25519)
    with open_card(reader.place("sign"), "ada", Hand()) as signer:
        signer.sign("t", b"x")
        reader.take_out()
        for _ in range(2):
            with pytest.raises(CardUnreachable, match="not there any more") as lost:
                signer.sign("t", b"y")
        assert "nothing was signed" in lost.value.hint
    assert list_cards([reader.module]) == ()
    hand = Hand()
    with pytest.raises(CardUnreachable, match="is not there"):
        try_to_open(reader.place("sign"), hand)
    assert hand.asked == []
    reader.put_back()
    with open_card(reader.place("sign"), "ada", hand) as signer:
        signer.sign("t", b"z")


# What must not be believed


def test_a_signature_by_another_key_than_the_cards_public_one_is_not_handed_out(
    reader: Reader,
) -> None:
    made = reader.make(Algorithm.P256, "real")
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    liar = Template(
        (
            (Attr.CLASS, ObjectClass.PUBLIC_KEY),
            (Attr.KEY_TYPE, KeyType.EC),
            (Attr.TOKEN, True),
            (Attr.LABEL, b"liar"),
            (Attr.ID, bytes.fromhex(made.id)),
            (Attr.EC_PARAMS, bytes.fromhex("06082a8648ce3d030107")),
            (Attr.EC_POINT, ec_point(other)),
        )
    )
    with reader.as_its_tool() as session:
        session.create(liar)
    with (
        open_card(reader.place("liar"), "ada", Hand()) as signer,
        pytest.raises(CardUntrusted, match="not a signature by its key"),
    ):
        signer.sign("t", b"x")


def test_a_key_that_may_leave_the_card_is_not_used(reader: Reader) -> None:
    with reader.as_its_tool() as session:
        pair_of_a_tool(session, "loose", (Attr.EXTRACTABLE, True))
    with pytest.raises(CardUntrusted, match="may leave the card"):
        try_to_open(reader.place("loose"), Hand())


def test_a_public_key_without_its_private_one_does_not_open(reader: Reader) -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    half = Template(
        (
            (Attr.CLASS, ObjectClass.PUBLIC_KEY),
            (Attr.KEY_TYPE, KeyType.EC_EDWARDS),
            (Attr.TOKEN, True),
            (Attr.LABEL, b"half"),
            (Attr.ID, b"\x07"),
            (Attr.EC_PARAMS, bytes.fromhex("06032b6570")),
            (Attr.EC_POINT, b"\x04\x20" + public.public_bytes_raw()),
        )
    )
    with reader.as_its_tool() as session:
        session.create(half)
    with pytest.raises(CardUntrusted, match="exactly one private key"):
        try_to_open(reader.place("half"), Hand())


# Looking and making


def test_cards_are_listed_without_a_pin(reader: Reader, logins: list[bool]) -> None:
    made = {reader.make(algorithm, f"{algorithm.value}: 100%") for algorithm in Algorithm}
    logins.clear()
    found = list_cards([reader.module])
    assert set(found) == made
    assert logins == []
    for key in found:
        assert (key.token, key.pin, key.pin_pad) == (TOKEN, PinState.FINE, False)
        assert parse_location(str(key.location)) == key.location
        assert find_card_key(key.location) == key
        with open_card(key.location, "ada", Hand()) as signer:
            assert signer.spki == key.spki


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_made_on_the_card_stays_there(reader: Reader, algorithm: Algorithm) -> None:
    hand = Hand()
    made = create_card_key(reader.place("new"), algorithm, hand)
    assert hand.is_wiped()
    assert (made.label, made.algorithm, len(bytes.fromhex(made.id))) == ("new", algorithm, 8)
    with reader.as_its_tool() as session:
        (private,) = session.find(Template(((Attr.CLASS, ObjectClass.PRIVATE_KEY),)))
        for attribute in (Attr.SENSITIVE, Attr.NEVER_EXTRACTABLE, Attr.LOCAL, Attr.PRIVATE):
            assert session.read_like(private, attribute, True) is True
    with (
        shared_library(reader.module) as library,
        library.session(find_token(library, TOKEN).slot) as session,
    ):
        assert session.find(Template(((Attr.CLASS, ObjectClass.PRIVATE_KEY),))) == ()


def test_a_taken_name_makes_no_key_and_asks_for_no_pin(reader: Reader) -> None:
    reader.make(Algorithm.P256, "sign")
    hand = Hand()
    with pytest.raises(KeyExists, match="already"):
        create_card_key(reader.place("sign"), Algorithm.ED25519, hand)
    assert hand.asked == []
    assert len(list_cards([reader.module])) == 1
