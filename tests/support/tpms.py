"""A simulated machine that has booted on a real TPM 2.0 (swtpm), one for a module's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.agent.tpmsource import LocalTpm
from keyturn_sim.tpm import SimTpm, SimTpmMaker

ROOT = Path(__file__).resolve().parents[2]
UNPACKED = ROOT / ".cache" / "debian" / "root"


def new_tpm(folder: Path, maker: SimTpmMaker, *, ak_certificate: bool = True) -> SimTpm:
    return SimTpm(folder, maker, unpacked=UNPACKED, ak_certificate=ak_certificate)


def as_node(tpm: SimTpm, maker: SimTpmMaker) -> LocalTpm:
    return LocalTpm(tpm.socket, tpm.log, (maker.root_der,))


@pytest.fixture(scope="session")
def tpm_maker() -> SimTpmMaker:
    return SimTpmMaker.create()


@pytest.fixture(scope="module")
def booted(tpm_maker: SimTpmMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTpm]:
    with new_tpm(tmp_path_factory.mktemp("tpm"), tpm_maker) as tpm:
        yield tpm.start()
