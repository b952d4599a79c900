"""One control plane over TLS on loopback with a keyholder of the test's own behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.control import World, running_world


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for a module's tests that leave no mark on one another."""
    with running_world(tmp_path_factory.mktemp("standing")) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        yield made
