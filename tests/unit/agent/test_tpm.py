"""The node's own TPM client against a real TPM 2.0 (swtpm)."""

import struct
from collections.abc import Callable, Iterator

import pytest

from keyturn.agent.tpm import AK_CERTIFICATE, EndorsementKey, Tpm, TpmRefused
from keyturn.agent.tpmline import TpmLine, tpm_line
from keyturn.attest.certificates import parse_certificate
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_credential import parse_endorsement_key
from keyturn.attest.tpm_key import check_ak_attributes, parse_tpm_public
from keyturn.attest.tpm_quote import check_pcrs, parse_quote, verify_quote
from keyturn.guest.errors import DeviceAnswerMalformed
from keyturn_sim.tpm import SimTpm

NONCE = bytes(range(32))
BANK = HashAlgorithm.SHA256
_OPEN = 0x01C10099


@pytest.fixture
def tpm(booted: SimTpm) -> Iterator[Tpm]:
    with tpm_line(booted.socket) as line:
        yield Tpm(line)


class Script(TpmLine):
    """A line of which the answers are written beforehand; commands are kept."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__(-1, None)
        self.answers = answers
        self.commands: list[bytes] = []

    def send(self, command: bytes) -> bytes:
        self.commands.append(command)
        return self.answers.pop(0)


def answer(code: int = 0, body: bytes = b"") -> bytes:
    return struct.pack(">HII", 0x8001, 10 + len(body), code) + body


@pytest.mark.parametrize("bank", [HashAlgorithm.SHA256, HashAlgorithm.SHA384])
def test_a_quote_proves_the_registers(tpm: Tpm, bank: HashAlgorithm) -> None:
    found = tpm.quote(NONCE, bank, range(24))
    ak = check_ak_attributes(parse_tpm_public(found.ak))
    quote = parse_quote(found.quote)
    assert quote.extra_data == NONCE
    assert quote.selection == ((bank, tuple(range(24))),)
    signed = verify_quote(quote, found.signature, ak.public_key)
    assert check_pcrs(quote, signed.hash, {bank: found.pcrs}) == {bank: found.pcrs}
    assert ak == tpm.ak()


def test_some_registers_in_whatever_order(tpm: Tpm) -> None:
    found = tpm.quote(NONCE, BANK, [7, 4, 0])
    assert sorted(found.pcrs) == [0, 4, 7]
    assert parse_quote(found.quote).selection == ((BANK, (0, 4, 7)),)


def test_nothing_stays_loaded(tpm: Tpm) -> None:
    for _ in range(8):  # a TPM without a resource manager holds three keys
        tpm.quote(NONCE, BANK, [0])


def test_the_makers_certificates_are_of_its_keys(tpm: Tpm) -> None:
    for kind in EndorsementKey:
        raw = tpm.stored(kind.index)
        assert raw is not None
        key = parse_endorsement_key(tpm.endorsement_key(kind)).key
        assert parse_certificate(raw).public_key == key.public_key
    raw = tpm.stored(AK_CERTIFICATE)
    assert raw is not None
    assert parse_certificate(raw).public_key == tpm.ak().public_key


def test_an_index_that_is_not_there_holds_nothing(tpm: Tpm) -> None:
    assert tpm.stored(_OPEN) is None


def test_a_credential_that_is_none_is_refused(tpm: Tpm) -> None:
    with pytest.raises(TpmRefused):
        tpm.activate(EndorsementKey.ECC, b"nothing", b"nothing")
    tpm.quote(NONCE, BANK, [0])  # nothing was left loaded


def test_a_busy_tpm_is_asked_again() -> None:
    line = Script([answer(0x922), answer(0x90A), answer(0x18B)])
    assert Tpm(line).stored(_OPEN) is None
    assert len(set(line.commands)) == 1
    assert len(line.commands) == 3


def test_a_tpm_that_stays_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyturn.agent.tpm._PAUSES", (0.0, 0.0))
    with pytest.raises(TpmRefused) as caught:
        Tpm(Script([answer(0x922)] * 3)).stored(_OPEN)
    assert caught.value.code == 0x922


@pytest.mark.parametrize(
    "ask",
    [
        lambda tpm: tpm.ak(),
        lambda tpm: tpm.quote(NONCE, BANK, [0]),
        lambda tpm: tpm.stored(_OPEN),
        lambda tpm: tpm.activate(EndorsementKey.RSA, b"", b""),
    ],
)
@pytest.mark.parametrize("body", [b"", b"\0" * 4, b"\xff" * 64])
def test_an_answer_that_is_cut_or_nonsense(ask: Callable[[Tpm], object], body: bytes) -> None:
    with pytest.raises(DeviceAnswerMalformed):
        ask(Tpm(Script([answer(0, body)] * 9)))
