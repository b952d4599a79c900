"""`keyturn ceremony rewrap` against a keyholder's socket with a real token behind it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keyturn.base.encoding import b64
from keyturn.cli.ceremony_rewrap import rewrap
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.server import KeyholderServer
from keyturn.store import models
from keyturn.wire.ceremonies import RewrapKeys
from keyturn.wire.keyholder import AnyRequest, ok_answer
from support.rotating import CEREMONY, Rotation, asking, digest_text, make_rotation, rewraps_of

COUNT = 3
STATEMENT = "sha256:" + "00" * 32


@pytest.fixture(scope="module")
def rotation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    rotation = make_rotation(tmp_path_factory.mktemp("rotation"), COUNT)
    yield rotation
    rotation.close()


@pytest.fixture
def config(rotation: Rotation, tmp_path: Path) -> Path:
    path = tmp_path / "control.toml"
    path.write_text(
        f'data = "data"\nkeyholder = "k.sock"\nfingerprint = "{STATEMENT}"\n'
        f'database = "{rotation.database.engine.url}"\n',
        encoding="utf-8",
    )
    return path


@contextmanager
def keyholder(rotation: Rotation, path: Path) -> Iterator[None]:
    """At the step `rewrap` of one ceremony."""
    with rotation.desk.worker() as worker:
        answering = asking(rewraps_of(worker, rotation.new, rotation.state), rotation.new)

        def answer(request: AnyRequest) -> dict[str, object]:
            if not isinstance(request, RewrapKeys) or request.ceremony != CEREMONY:
                raise KeyholderStopped("no such ceremony")
            done = answering(request)
            return ok_answer({"items": b64(done.items), "kek": done.kek, "left": done.left})

        server = KeyholderServer(path, answer, lambda _: None)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield
        finally:
            server.stop()
            thread.join(10)


def run(config: Path, *more: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(rewrap)
    result = CliRunner().invoke(app, [CEREMONY, "--config", str(config), *more])
    return result.exit_code, result.output


def test_it_says_how_far_it_is_and_goes_to_the_end(rotation: Rotation, config: Path) -> None:
    with keyholder(rotation, config.parent / "k.sock"):
        code, said = run(config, "--status", "--json")
        before = json.loads(said)
        assert (code, before["under_new_kek"], before["left"]) == (1, 0, COUNT)
        code, said = run(config, "--json")
        after = json.loads(said)
        assert (code, after["done"], after["rewrapped"], after["left"]) == (0, True, COUNT, 0)
        code, said = run(config)
        assert code == 0
        assert f"{COUNT} of {COUNT} keys of the inventory lie under it" in said
        assert "every model of the log is there" in said


def test_what_does_not_open_is_named_and_the_exit_status_says_so(
    rotation: Rotation, config: Path
) -> None:
    bad = digest_text(rotation.models[0])
    with rotation.database.write() as connection:
        models.set_wrapped_key(connection, bad, bytes(40), STATEMENT, None)
    with keyholder(rotation, config.parent / "k.sock"):
        code, said = run(config)
    assert code == 1
    assert f"model {bad}: does not open" in said
    assert "1 models are left" in said


def test_without_a_keyholder_it_says_so(config: Path) -> None:
    code, said = run(config, "--json")
    assert (code, json.loads(said)["error"]["kind"]) == (1, "PeerUnreachable")
