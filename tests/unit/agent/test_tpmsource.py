"""The node's TPM as a source: quote, certificate and log of a real one (swtpm)."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.agent.config import AgentConfig, load_config
from keyturn.agent.errors import ConfigInvalid
from keyturn.agent.tpmsource import BANK, MAX_ISSUERS, LocalTpm, read_issuers, tpm_of
from keyturn.attest.certificates import parse_certificate
from keyturn.attest.tpm_key import parse_tpm_public
from keyturn.guest.errors import DeviceUnreachable
from keyturn.keyrelease.tpmpart import MAX_LOG
from keyturn_sim.tpm import SimTpm, SimTpmMaker
from support.tpms import as_node
from unit.agent.test_config import MINIMAL

NONCE = bytes(range(32))


def test_a_quote_comes_with_all_that_a_verifier_needs(
    booted: SimTpm, tpm_maker: SimTpmMaker
) -> None:
    tpm = as_node(booted, tpm_maker)
    part = tpm.quote(NONCE)
    ak = parse_tpm_public(part.ak)
    assert tpm.ak_name() == ak.name
    assert parse_certificate(part.ak_chain[0]).public_key == ak.public_key
    assert part.ak_chain[1:] == (tpm_maker.root_der,)
    assert sorted(part.pcrs[BANK]) == list(range(24))
    assert part.log == booted.log.read_bytes()


def test_without_a_log_none_is_sent(booted: SimTpm) -> None:
    assert LocalTpm(booted.socket).quote(NONCE).log is None


def test_a_log_that_cannot_be_sent(booted: SimTpm, tmp_path: Path) -> None:
    tpm = LocalTpm(booted.socket, tmp_path / "log")
    with pytest.raises(DeviceUnreachable, match="cannot be read"):
        tpm.quote(NONCE)
    (tmp_path / "log").write_bytes(bytes(MAX_LOG + 1))
    with pytest.raises(DeviceUnreachable, match="too long"):
        tpm.quote(NONCE)


def test_a_tpm_that_is_not_there(tmp_path: Path) -> None:
    tpm = LocalTpm(tmp_path / "tpmrm0")
    for ask in (tpm.ak_name, lambda: tpm.quote(NONCE)):
        with pytest.raises(DeviceUnreachable):
            ask()


def test_issuers_are_read_from_a_pem_file(tmp_path: Path, tpm_maker: SimTpmMaker) -> None:
    path = tmp_path / "issuers.pem"
    path.write_bytes(tpm_maker.root_pem * 2)
    assert read_issuers(path) == (tpm_maker.root_der,) * 2


@pytest.mark.parametrize("content", [b"", b"no PEM", b"\n" * (MAX_ISSUERS + 1), None])
def test_a_file_without_certificates(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "issuers.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigInvalid, match="issuers"):
        read_issuers(path)


def settings(folder: Path) -> AgentConfig:
    (folder / "agent.toml").write_text(MINIMAL)
    return load_config(folder / "agent.toml", {})


def test_the_tpm_of_the_settings(booted: SimTpm, tpm_maker: SimTpmMaker, tmp_path: Path) -> None:
    issuers = tmp_path / "issuers.pem"
    issuers.write_bytes(tpm_maker.root_pem)
    none = settings(tmp_path)
    config = replace(none, tpm=booted.socket, tpm_log=booted.log, tpm_issuers=issuers)
    assert tpm_of(config) == as_node(booted, tpm_maker)
    assert tpm_of(none) is None
