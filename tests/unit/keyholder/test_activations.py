"""Secrets sealed to certified EKs: opened by their TPM alone, known again by this process alone."""

from collections.abc import Iterator

import pytest

from keyturn.agent.tpm import EndorsementKey, Tpm
from keyturn.agent.tpmline import tpm_line
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_credential import parse_endorsement_key
from keyturn.keyholder.activations import Activations
from keyturn.quorum.kinds import Kind
from keyturn_sim.tpm import SimTpm, SimTpmMaker
from support.system import System, anchors_body


@pytest.fixture
def tpm(booted: SimTpm) -> Iterator[Tpm]:
    with tpm_line(booted.socket) as line:
        yield Tpm(line)


@pytest.fixture
def activations(system: System, tpm_maker: SimTpmMaker) -> Activations:
    anchors = anchors_body(system.vendors)
    root = {"vendor": "tpm", "product": "TPM", "spki_sha256": tpm_maker.root_spki}
    anchors["simulated"] = [*anchors["simulated"], root]  # type: ignore[misc]
    system.enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors)
    return system.keyholder.releases.activations


def chain_of(tpm: Tpm, kind: EndorsementKey, maker: SimTpmMaker) -> tuple[bytes, ...]:
    certificate = tpm.stored(kind.index)
    assert certificate is not None
    return (certificate, maker.root_der)


@pytest.mark.parametrize("kind", list(EndorsementKey))
def test_the_tpm_opens_what_this_process_knows_again(
    activations: Activations, system: System, tpm: Tpm, tpm_maker: SimTpmMaker, kind: EndorsementKey
) -> None:
    ak, ek = tpm.ak(), tpm.endorsement_key(kind)
    made = activations.credential(ak.raw, ek, chain_of(tpm, kind, tpm_maker))
    proof = tpm.activate(kind, made.blob, made.secret)
    name = parse_endorsement_key(ek).key.name
    assert activations.holds(ak.name, name, proof)
    assert not activations.holds(ak.name, name, bytes(32))
    assert not activations.holds(name, ak.name, proof)
    assert not Activations(system.keyholder.journal).holds(ak.name, name, proof)


def test_what_is_not_vouched_for_gets_no_secret(
    activations: Activations, tpm: Tpm, tpm_maker: SimTpmMaker
) -> None:
    kind = EndorsementKey.ECC
    ak, ek, chain = tpm.ak().raw, tpm.endorsement_key(kind), chain_of(tpm, kind, tpm_maker)
    stranger = SimTpmMaker.create()
    key = parse_endorsement_key(ek).key.public_key
    theirs = (stranger.certify(key, "EK", "2.23.133.8.1"), stranger.root_der)
    of_the_other = chain_of(tpm, EndorsementKey.RSA, tpm_maker)
    loose = ak[:4] + b"\0\x04\0\x72" + ak[8:]  # not restricted
    for arguments, reason in (
        ((ak, ek, theirs), Reason.EK_CHAIN_INVALID),
        ((ak, ek, chain[:1]), Reason.EK_CHAIN_INVALID),
        ((ak, ek, of_the_other), Reason.EK_MISMATCH),
        ((ak, ak, chain), Reason.EK_ATTRIBUTES),
        ((ek, ek, chain), Reason.AK_ATTRIBUTES),
        ((loose, ek, chain), Reason.AK_ATTRIBUTES),
    ):
        with pytest.raises(UntrustedEvidence) as caught:
            activations.credential(*arguments)
        assert caught.value.reason is reason
    for broken in ((ak[:-1], ek, chain), (ak, ek[:-1], chain), (ak, ek, (b"no DER", chain[1]))):
        with pytest.raises((MalformedEvidence, UntrustedEvidence)):
            activations.credential(*broken)
