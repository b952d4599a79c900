"""A real TPM 2.0 under a maker of its own: made, booted, stopped clean, the same at each start."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.tpm_certificate import verify_ek_certificate
from keyturn_sim import tpm as module
from keyturn_sim.tpm import SimTpm, SimTpmMaker, find_swtpm, read_public
from keyturn_sim.tpm_commands import AK_ECC, EK_ECC, SimTpmError, TpmLine
from support.tpms import new_tpm

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ak_of(tpm: SimTpm) -> bytes:
    line = TpmLine(tpm.socket)
    try:
        return line.primary_public(AK_ECC)
    finally:
        line.close()


def test_it_keeps_its_keys_over_a_restart(tmp_path: Path, tpm_maker: SimTpmMaker) -> None:
    with new_tpm(tmp_path / "one", tpm_maker) as tpm:
        first = ak_of(tpm.start())
        tpm.stop()
        assert not tpm.socket.exists()
        assert ak_of(tpm.start()) == first
    with new_tpm(tmp_path / "two", tpm_maker) as other:
        assert ak_of(other.start()) != first


def test_nobody_else_may_open_its_state(booted: SimTpm) -> None:
    folder = booted.socket.parent
    assert booted.socket.stat().st_mode & 0o777 == 0o600
    assert all(each.stat().st_mode & 0o077 == 0 for each in folder.glob("*.permall")), (
        "swtpm's own file"
    )


def test_the_maker_is_no_default_anchor_and_says_simulated(
    booted: SimTpm, tpm_maker: SimTpmMaker
) -> None:
    line = TpmLine(booted.socket)
    try:
        key = read_public(line.primary_public(EK_ECC))
    finally:
        line.close()
    chain = [tpm_maker.certify(key, "EK", "2.23.133.8.1"), tpm_maker.root_der]
    with pytest.raises(UntrustedEvidence):
        verify_ek_certificate(chain, key, HARDWARE_ANCHORS, NOW)
    roots = {Vendor.TPM: [SpkiDigest(tpm_maker.root_spki)]}
    found = verify_ek_certificate(
        chain, key, HARDWARE_ANCHORS.with_simulated(roots, source="test"), NOW
    )
    assert found.anchor.simulated
    assert all("SIMULATED" in each.common_name for each in found.path)

    trusting = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    of_an_ak = [tpm_maker.certify(key, "AK", "2.23.133.8.3"), tpm_maker.root_der]
    of_another = [tpm_maker.certify(tpm_maker.key.public_key(), "EK", "2.23.133.8.1"), chain[1]]
    for wrong, reason in (
        (of_an_ak, Reason.EK_CHAIN_INVALID),
        (of_another, Reason.EK_MISMATCH),
        (chain[:1], Reason.EK_CHAIN_INVALID),
    ):
        with pytest.raises(UntrustedEvidence) as caught:
            verify_ek_certificate(wrong, key, trusting, NOW)
        assert caught.value.reason is reason


def test_stopping_twice_and_what_was_killed(tmp_path: Path, tpm_maker: SimTpmMaker) -> None:
    tpm = new_tpm(tmp_path, tpm_maker).start()
    process = tpm._process
    assert process is not None
    process.kill()
    process.wait()
    tpm.stop()
    tpm.stop()
    assert not tpm.socket.exists()


def test_a_program_that_ends_at_once_is_an_error(
    tmp_path: Path, tpm_maker: SimTpmMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_swtpm", lambda unpacked: (Path("/bin/false"), {}))
    with pytest.raises(SimTpmError, match="did not start"):
        SimTpm(tmp_path, tpm_maker).start()


def test_without_swtpm_the_error_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(SimTpmError) as caught:
        find_swtpm(tmp_path)
    assert "package swtpm" in caught.value.hint


def test_an_unpacked_swtpm_finds_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    program = tmp_path / "usr/bin/swtpm"
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    for folder in (program.parent, libraries):
        folder.mkdir(parents=True)
    program.touch()
    found, environment = find_swtpm(tmp_path)
    assert found == program
    assert environment["LD_LIBRARY_PATH"] == f"{libraries}:{libraries}/swtpm:/opt/lib"
