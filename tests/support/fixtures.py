"""Fixtures of a whole keyholder: one token, one worker and one set of vendors for the run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.hsm.protocol import Hsm
from keyturn_sim.vendors import SimVendors
from support.hsmtoken import Model, TestToken, make_model, make_softhsm
from support.hsmviews import HsmView
from support.nodes import NodeSecrets
from support.ready import Ready, make_ready
from support.system import System, running


@pytest.fixture(scope="session")
def token_template(tmp_path_factory: pytest.TempPathFactory) -> TestToken:
    return make_softhsm(tmp_path_factory.mktemp("token") / "token")


@pytest.fixture(scope="session")
def hsm_worker(token_template: TestToken) -> Iterator[Hsm]:
    """A real worker process on a real token; tests see it through views of their own."""
    with token_template.worker() as worker:
        yield worker


@pytest.fixture(scope="session")
def second_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hsm]:
    """A worker on another token, with keys of its own: what replaces one that is lost."""
    with make_softhsm(tmp_path_factory.mktemp("second") / "token").worker() as worker:
        yield worker


@pytest.fixture(scope="session")
def vendors() -> SimVendors:
    return SimVendors.create("Genoa")


@pytest.fixture(scope="session")
def node_secrets() -> NodeSecrets:
    return NodeSecrets()


@pytest.fixture
def system(tmp_path: Path, hsm_worker: Hsm, vendors: SimVendors) -> Iterator[System]:
    """A keyholder after genesis: roster and keys in force, nothing else."""
    with running(tmp_path, HsmView(hsm_worker), vendors) as made:
        yield made


@pytest.fixture
def model() -> Model:
    return make_model()


@pytest.fixture
def ready(system: System, model: Model, node_secrets: NodeSecrets) -> Ready:
    """Roots trusted, baseline, policy and one model in force."""
    return make_ready(system, model, node_secrets)
