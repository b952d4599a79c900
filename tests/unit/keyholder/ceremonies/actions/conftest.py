"""A host in this process and a genesis at its first step, for actions that need no token."""

import pytest

from keyturn.keyholder.ceremonies.doing import Doing
from support.ceremonies_host import InProcess, Table
from unit.keyholder.ceremonies.conftest import door, table

__all__ = ["door", "table"]


@pytest.fixture
def doing(table: Table, door: InProcess) -> Doing:
    hosting = door.host._hosting
    return hosting.doing(hosting.find(table.ceremony))
