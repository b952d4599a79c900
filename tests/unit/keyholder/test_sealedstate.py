"""What a keyholder finds when it starts without a PIN, and what keeps it from starting."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.signatures import load_verify_key
from keyturn.ceremony.hostdocument import check_host, parse_host
from keyturn.keyholder.config import load_config
from keyturn.keyholder.errors import ClockRefused, KeyholderSealed
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import WrongIdentityKey, make_identity
from keyturn.keyholder.opening import MAX_GAP, clock
from keyturn.keyholder.sealedstate import Place, SealedState
from keyturn.keyholder.sharefinding import FILE
from keyturn.keyrelease.request import SnpEvidence, TdxEvidence
from keyturn.quorum.bodies import Purpose
from keyturn.wire.keyholder import AskChallenge, AskCheckpoint
from support.custodians import Custodians, share_out
from support.founded import Founded, make_founded


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return make_founded(tmp_path_factory.mktemp("founded") / "a")


@pytest.fixture
def custodians(origin: Founded, tmp_path: Path) -> Custodians:
    return share_out(origin.copied_to(tmp_path / "kh"))


class Device:
    """Quotes something."""

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        return TdxEvidence(report_data)


def begin(
    founded: Founded, time: Callable[[], datetime] = clock, *, accept_clock: bool = False
) -> SealedState:
    place = Place(load_config(founded.config, {}), founded.directory, Device())
    return SealedState(place, time, accept_clock=accept_clock)


def test_the_host_key_is_signed_by_the_key_that_keys_names(custodians: Custodians) -> None:
    founded = custodians.founded
    state = begin(founded)
    keys = state.log.state.newest_keys
    assert keys is not None
    said = parse_host(state.news().host)
    check_host(said, load_verify_key(keys.keys[Purpose.KEYHOLDER].spki))
    at = state.log.checkpoint.checkpoint
    assert (said.document.size, said.document.root) == (at.size, at.root.hex())
    assert said.document.authority == founded.fingerprint
    assert said.document.boot == state.news().session == state.hello()["boot"]
    assert state.news().evidence is not None
    assert state.answer(AskCheckpoint())
    with pytest.raises(KeyholderSealed):
        state.answer(AskChallenge())
    state.close()


def test_a_new_session_has_another_key_and_record(custodians: Custodians) -> None:
    state = begin(custodians.founded)
    before = state.news()
    state.renew()
    after = state.news()
    assert before.session != after.session
    assert parse_host(before.host).document.key != parse_host(after.host).document.key
    assert before.record != after.record
    state.close()


def test_another_identity_key_or_a_broken_share_file_starts_nothing(
    custodians: Custodians,
) -> None:
    founded = custodians.founded
    own = founded.directory / IDENTITY
    kept = own.read_bytes()
    own.unlink()
    make_identity(own)
    with pytest.raises(WrongIdentityKey):
        begin(founded)
    own.write_bytes(kept)
    (founded.directory / FILE).write_bytes(b"{}")
    with pytest.raises(MalformedError):
        begin(founded)
    (founded.directory / FILE).unlink()
    begin(founded).close()  # and the log was let go each time


def test_a_wrong_clock_takes_no_share(custodians: Custodians) -> None:
    founded = custodians.founded
    with pytest.raises(ClockRefused):
        begin(founded, lambda: clock() - timedelta(days=1))
    late = clock() + MAX_GAP + timedelta(hours=1)
    state = begin(founded, lambda: late)
    share = custodians.share(state.news(), "ada", when=late.replace(microsecond=0))
    with pytest.raises(ClockRefused, match="long after"):
        state.take(share)
    state.close()
    accepted = begin(founded, lambda: late, accept_clock=True)
    share = custodians.share(accepted.news(), "ada", when=late.replace(microsecond=0))
    accepted.take(share)
    assert accepted.news().entered == ("ada",)
    accepted.close()
