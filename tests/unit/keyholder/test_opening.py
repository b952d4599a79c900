"""Opening a keyholder: where its token is, and what it says when it is not there.

Whole lives of the process are in tests/flows/test_process.py.
"""

from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.hsm.errors import HsmUnreachable
from keyturn.keyholder.config import KeyholderConfig
from keyturn.keyholder.opening import clock, worker_config
from support.hsmtoken import softhsm_module


@pytest.fixture
def config(tmp_path: Path) -> KeyholderConfig:
    return KeyholderConfig(
        log=tmp_path / "log",
        socket=tmp_path / "keyholder.sock",
        origin="example.com/log",
        fingerprint=Digest("sha256:" + "ab" * 32),
        token_label="keyturn",
        module=softhsm_module(),
        softhsm_configuration=tmp_path / "softhsm2.conf",
        workers=1,
        reserve=0,
    )


def test_the_workers_are_told_where_the_token_is(config: KeyholderConfig) -> None:
    found = worker_config(config)

    assert found.module.samefile(softhsm_module())
    assert (found.token_label, found.softhsm_configuration) == (
        "keyturn",
        config.softhsm_configuration,
    )


def test_a_module_that_is_not_there_is_told(config: KeyholderConfig, tmp_path: Path) -> None:
    with pytest.raises(HsmUnreachable, match="missing"):
        worker_config(replace(config, module=tmp_path / "missing.so"))


def test_the_clock_is_utc() -> None:
    assert clock().tzinfo is UTC
