"""An AK without a certificate: activated once, and again only when that is void."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.agent.tpm import EndorsementKey, Tpm
from keyturn.agent.tpmenrolment import EnrollingTpm
from keyturn.agent.tpmline import tpm_line
from keyturn.agent.tpmsource import LocalTpm
from keyturn.attest.tpm_credential import Credential, make_credential_ecc, parse_endorsement_key
from keyturn.attest.tpm_key import parse_tpm_public
from keyturn.guest.errors import DeviceUnreachable
from keyturn_sim.tpm import SimTpm, SimTpmMaker
from support.tpms import as_node, new_tpm

NONCE = bytes(range(32))
SECRET = b"\x05" * 32


class Sealing:
    """Seals the same secret to whatever EK it is shown; counts."""

    def __init__(self) -> None:
        self.asked = 0

    def tpm_credential(self, ak: bytes, ek: bytes, chain: Sequence[bytes]) -> Credential:
        self.asked += 1
        endorsement = parse_endorsement_key(ek)
        own, public = ec.generate_private_key(ec.SECP256R1()), endorsement.key.public_key
        assert isinstance(public, ec.EllipticCurvePublicKey)
        shared, name = own.exchange(ec.ECDH(), public), parse_tpm_public(ak).name
        ephemeral = own.public_key()
        return make_credential_ecc(endorsement, name, SECRET, ephemeral=ephemeral, shared=shared)


@pytest.fixture(scope="module")
def bare(tpm_maker: SimTpmMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTpm]:
    """A TPM whose maker certifies EKs alone."""
    folder = tmp_path_factory.mktemp("tpm")
    with new_tpm(folder, tpm_maker, ak_certificate=False) as tpm:
        yield tpm.start()


def test_it_is_activated_once(bare: SimTpm, tpm_maker: SimTpmMaker) -> None:
    sealing = Sealing()
    tpm = EnrollingTpm(as_node(bare, tpm_maker), sealing)
    part, again = tpm.quote(NONCE), tpm.quote(NONCE)
    assert part.ek is not None
    assert part.ak_chain == ()
    assert part.ek.proof == SECRET
    assert part.ek.chain[-1] == tpm_maker.root_der
    with tpm_line(bare.socket) as line:
        assert part.ek.public == Tpm(line).endorsement_key(EndorsementKey.ECC)
    assert again.ek == part.ek
    assert sealing.asked == 1
    tpm.forget()
    tpm.quote(NONCE)
    assert sealing.asked == 2


def test_a_certified_ak_needs_no_activation(booted: SimTpm, tpm_maker: SimTpmMaker) -> None:
    sealing = Sealing()
    tpm = EnrollingTpm(as_node(booted, tpm_maker), sealing)
    part = tpm.quote(NONCE)
    assert part.ak_chain
    assert part.ek is None
    assert sealing.asked == 0
    assert tpm.ak_name() == parse_tpm_public(part.ak).name


def test_a_tpm_that_nobody_certified_is_an_error(
    bare: SimTpm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tpm, "stored", lambda self, index: None)
    with pytest.raises(DeviceUnreachable, match="no certificate"):
        EnrollingTpm(LocalTpm(bare.socket), Sealing()).quote(NONCE)


def test_a_tpm_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnreachable):
        EnrollingTpm(LocalTpm(tmp_path / "none"), Sealing()).quote(NONCE)
