"""One genesis held as a ceremony for the whole run, and the directory that it left."""

import pytest

from keyturn.ceremony.plan import KekProfile
from support.ceremonies import Cast
from support.ceremonies_host import Stage, Table, genesis_plan, host_here, stages_of


@pytest.fixture(scope="session")
def genesis_stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """By the step that waits; `over` at the end. The KEK is recoverable."""
    place = tmp_path_factory.mktemp("genesis")
    directory = place / "host"
    with host_here(directory) as door:
        table = Table(door, Cast())
        table.open(genesis_plan(table.cast, kek_profile=KekProfile.RECOVERABLE))
        return stages_of(table, directory, place)


@pytest.fixture(scope="session")
def founded_stage(genesis_stages: dict[str, Stage]) -> Stage:
    return genesis_stages["over"]
