"""`keyturn db migrate|check|rebuild` against a real log."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from keyturn.control.command import register
from keyturn.store.database import open_database
from keyturn.store.migrate import newest_version
from support.authority import Authority, Clock
from support.control import LocalKeyholder


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "keyholder.sock", Authority(clock), clock)
    (tmp_path / "control").mkdir()
    path = tmp_path / "control.toml"
    path.write_text(
        'data = "control"\nkeyholder = "keyholder.sock"\n'
        f'fingerprint = "{keyholder.fingerprint}"\n',
        encoding="utf-8",
    )
    with keyholder.serving():
        yield path


def run(config: Path, *words: str) -> tuple[int, dict[str, object]]:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["db", *words, "--config", str(config), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_migrate_check_rebuild(config: Path) -> None:
    code, answer = run(config, "check")
    assert (code, answer["error"]["kind"]) == (1, "StoreOutdated")  # type: ignore[index]
    assert run(config, "migrate") == (0, {"before": None, "after": newest_version()})
    code, answer = run(config, "check")
    assert (code, answer["entries"]) == (1, 3)
    assert "log_entries 0: missing" in answer["differences"]  # type: ignore[operator]
    code, answer = run(config, "rebuild")
    assert (code, answer["empty"], answer["entries"]) == (0, True, 3)
    assert "sessions and earlier events" in answer["lost"]  # type: ignore[operator]
    agreed = {"agrees": True, "entries": 3, "differences": [], "without_key": []}
    assert run(config, "check") == (0, agreed)


def test_check_names_what_was_edited(config: Path) -> None:
    run(config, "migrate")
    run(config, "rebuild")
    database = open_database(f"sqlite:///{config.parent}/control/keyturn.db")
    with database.write() as connection:
        connection.execute(text("UPDATE proposals SET reason = 'x' WHERE kind = 'keys'"))
    database.close()
    code, answer = run(config, "check")
    assert code == 1
    assert "reason is not what its envelope says" in str(answer["differences"])


def test_without_a_keyholder_check_says_so(tmp_path: Path) -> None:
    path = tmp_path / "control.toml"
    path.write_text(
        f'data = "."\nkeyholder = "absent.sock"\nfingerprint = "sha256:{"0" * 64}"\n',
        encoding="utf-8",
    )
    run(path, "migrate")
    code, answer = run(path, "check")
    assert (code, answer["error"]["kind"]) == (1, "PeerUnreachable")  # type: ignore[index]
