"""Commands to the simulated machine's TPM: their answers, and what the TPM will not do."""

from pathlib import Path

import pytest

from keyturn_sim.tpm import SimTpm, read_public
from keyturn_sim.tpm_commands import AK_ECC, AK_INDEX, EK_ECC, EK_RSA, SimTpmError, TpmLine


@pytest.mark.parametrize("template", [EK_RSA, EK_ECC, AK_ECC])
def test_a_primary_key_is_the_same_each_time(booted: SimTpm, template: bytes) -> None:
    line = TpmLine(booted.socket)
    try:
        first, again = line.primary_public(template), line.primary_public(template)
    finally:
        line.close()
    assert first == again
    assert first[:8] == template[:8], "kind, hash and attributes are the template's"
    read_public(first)


def test_what_the_tpm_refuses_is_an_error(booted: SimTpm) -> None:
    line = TpmLine(booted.socket)
    try:
        with pytest.raises(SimTpmError, match="refuses command 0x12a"):
            line.store(AK_INDEX, b"defined already")
    finally:
        line.close()


def test_without_a_tpm_there_is_no_line(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        TpmLine(tmp_path / "none.sock")
