"""What a running keyholder tells of its token, from a pool of real workers."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.base.strictjson import dump, load_object
from keyturn.ceremony.tokeninventory import KeyProfile
from keyturn.ceremony.tokenreport import REPORT_LIMIT, encode_report
from keyturn.hsm.kekwork import TokenReport
from keyturn.hsm.messages import Hello
from keyturn.hsm.pins import pin_file
from keyturn.hsm.pool import HsmPool
from keyturn.keyholder.config import load_config
from keyturn.keyholder.errors import KeyholderSealed
from keyturn.keyholder.hsmtold import FRESH, REPORT_NAME, HsmTeller
from keyturn.keyholder.opening import clock
from keyturn.keyholder.sealable import Sealable
from keyturn.keyholder.sealedstate import Place
from keyturn.wire.keyholder import AskHsm, read_answer
from support import tokens
from support.founded import make_founded
from support.hsmtoken import LABEL, make_softhsm

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HsmPool]:
    token = make_softhsm(tmp_path_factory.mktemp("told") / "token")
    with token.pin_fd() as descriptor, HsmPool(token.config, descriptor, 1) as pool:
        yield pool


@dataclass
class Counted:
    pool: HsmPool
    asked: int = 0

    @property
    def hello(self) -> Hello:
        return self.pool.hello

    def describe_keys(self) -> TokenReport:
        self.asked += 1
        return self.pool.describe_keys()


@dataclass
class Hand:
    """A clock of seconds that a test turns."""

    at: float = field(default=0.0)

    def __call__(self) -> float:
        return self.at


def test_the_workers_word_is_told(pool: HsmPool, tmp_path: Path) -> None:
    told = HsmTeller(pool, 1, tmp_path, lambda: NOW).inventory()
    assert (told.token.label, told.vendor.name, told.time) == (LABEL, "SoftHSM 2", NOW)
    assert told.active is not None
    assert told.active.profile is KeyProfile.NEVER_EXTRACTABLE
    assert told.workers is not None
    assert (told.workers.count, told.workers.release_hash) == (1, "sha1")
    assert {each.label for each in told.keys} == {"keyturn-ingest", "keyturn-log", "keyturn-result"}


def test_many_who_ask_read_the_token_once(pool: HsmPool, tmp_path: Path) -> None:
    counted, hand = Counted(pool), Hand()
    teller = HsmTeller(counted, 1, tmp_path, lambda: NOW, hand)
    for _ in range(5):
        teller.inventory()
    assert counted.asked == 1
    hand.at = FRESH
    teller.inventory()
    teller.forget()
    teller.inventory()
    assert counted.asked == 3


def test_a_report_that_lies_beside_the_log_is_told(pool: HsmPool, tmp_path: Path) -> None:
    teller = HsmTeller(pool, 1, tmp_path, lambda: NOW)
    assert teller.preflight() is None
    raw = encode_report(tokens.REPORT)
    (tmp_path / REPORT_NAME).write_bytes(raw)
    assert teller.preflight() == raw


def test_the_newest_report_is_told_also_a_ceremonys(pool: HsmPool, tmp_path: Path) -> None:
    kept = tmp_path / "ceremonies" / "genesis-1" / "kept"
    kept.mkdir(parents=True)
    newer = replace(tokens.REPORT, time=tokens.REPORT.time + timedelta(days=1))
    (tmp_path / REPORT_NAME).write_bytes(encode_report(tokens.REPORT))
    (kept / REPORT_NAME).write_bytes(encode_report(newer))
    assert HsmTeller(pool, 1, tmp_path, lambda: NOW).preflight() == encode_report(newer)


@pytest.mark.parametrize("raw", [b"", b"{}", b"x" * (REPORT_LIMIT + 1)])
def test_what_is_no_report_is_not_told(pool: HsmPool, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / REPORT_NAME).write_bytes(raw)
    assert HsmTeller(pool, 1, tmp_path, lambda: NOW).preflight() is None


def test_a_keyholder_tells_of_its_token_once_it_is_open(tmp_path: Path) -> None:
    """Sealed it has none; opened by its PIN it tells what the real workers say."""
    founded = make_founded(tmp_path / "kh")
    place = Place(load_config(founded.config, {}), founded.directory)
    keyholder = Sealable(place, clock)
    try:
        keyholder.begin_sealed()
        with pytest.raises(KeyholderSealed):
            keyholder.answer(AskHsm())
    finally:
        keyholder.close()
    opened = Sealable(place, clock)
    try:
        descriptor = pin_file(bytearray(founded.pin))
        opened.begin_open(descriptor)
        answer = load_object(dump(opened.answer(AskHsm())), limit=1 << 20, what="an answer")
        told = read_answer(AskHsm(), answer)
    finally:
        opened.close()
        os.close(descriptor)
    assert told.inventory.active is not None
    assert told.inventory.workers is not None
    assert {each.label for each in told.inventory.keys} == {
        "keyturn-ingest",
        "keyturn-log",
        "keyturn-result",
    }
