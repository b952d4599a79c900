"""One real token and one set of simulated vendors for the whole run; each test gets copies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn_sim.vendors import SimVendors
from support.hsmtoken import Model, TestToken, make_model, make_softhsm
from support.nodes import NodeSecrets
from support.ready import Ready, make_ready
from support.system import System, clone_token, running


@pytest.fixture(scope="session")
def token_template(tmp_path_factory: pytest.TempPathFactory) -> TestToken:
    return make_softhsm(tmp_path_factory.mktemp("token") / "token")


@pytest.fixture(scope="session")
def vendors() -> SimVendors:
    return SimVendors.create("Genoa")


@pytest.fixture(scope="session")
def node_secrets() -> NodeSecrets:
    return NodeSecrets()


@pytest.fixture
def system(tmp_path: Path, token_template: TestToken, vendors: SimVendors) -> Iterator[System]:
    """A keyholder after genesis: roster and keys in force, nothing else."""
    token = clone_token(token_template, tmp_path / "token")
    with token.worker() as hsm, running(tmp_path, hsm, vendors) as made:
        yield made


@pytest.fixture
def model() -> Model:
    return make_model()


@pytest.fixture
def ready(system: System, model: Model, node_secrets: NodeSecrets) -> Ready:
    """Roots trusted, baseline, policy and one model in force."""
    return make_ready(system, model, node_secrets)
