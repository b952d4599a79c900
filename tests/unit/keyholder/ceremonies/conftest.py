"""A host in this process whose token is never asked: what is signed, said and recorded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ceremonies import Cast
from support.ceremonies_host import InProcess, Table, genesis_plan, host_here


@pytest.fixture
def door(tmp_path: Path) -> Iterator[InProcess]:
    with host_here(tmp_path / "host") as opened:
        yield opened


@pytest.fixture
def table(door: InProcess) -> Table:
    """A genesis that was opened, and waits for its first step."""
    table = Table(door, Cast())
    table.open(genesis_plan(table.cast))
    return table
