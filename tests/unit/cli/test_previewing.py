"""Which preview an approval names; `test_policy` runs it as officers do."""

from pathlib import Path

import pytest
import typer

from keyturn.cli.previewing import Shown


def test_one_or_none_of_them() -> None:
    with pytest.raises(typer.BadParameter):
        Shown(Path("x"), none=True)
