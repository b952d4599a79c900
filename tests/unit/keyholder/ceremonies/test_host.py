"""The host's own process: what it says, what it answers, and the place of rehearsals."""

import json
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.keyholder.ceremonies.engine import CeremonyHost
from keyturn.keyholder.ceremonies.host import _answer, _place, main
from keyturn.wire.ceremonies import AskCeremonies
from keyturn.wire.keyholder import AskHello
from support.ceremonies_host import InProcess, host_process


def test_it_answers_about_ceremonies_and_nothing_else(door: InProcess) -> None:
    host = door.host
    assert isinstance(host, CeremonyHost)
    assert _answer(host, AskCeremonies())["ok"] is True
    with pytest.raises(MalformedError, match="and nothing else"):
        _answer(host, AskHello())


def test_a_rehearsals_place_is_destroyed_at_the_end(tmp_path: Path) -> None:
    with _place(tmp_path, rehearsal=True) as place:
        (place / "key").write_text("secret")
        assert place.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    with _place(tmp_path / "real", rehearsal=False) as place:
        assert place == tmp_path / "real"
    assert place.is_dir()


def test_a_host_that_cannot_begin_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "none.so"
    arguments = ["--directory", str(tmp_path), "--socket", str(tmp_path / "s")]
    assert main([*arguments, "--module", str(module)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["listens"] is None
    assert said["error"]


@pytest.mark.parametrize(("directory", "rehearsal"), [("d", True), ("d", False), ("long", False)])
def test_paths_that_no_socket_can_have_are_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], directory: str, rehearsal: bool
) -> None:
    """Of this host, and of the keyholder that it would leave in the directory."""
    far = tmp_path / ("x" * 107)
    place = far if directory == "long" else tmp_path / directory
    path = tmp_path / "s" if directory == "long" else far
    arguments = ["--directory", str(place), "--socket", str(path)]
    assert main([*arguments, *(["--rehearsal"] if rehearsal else [])]) == 1
    said = json.loads(capsys.readouterr().out)
    assert "too long" in said["error"]
    assert "nearer to the root" in said["hint"]
    assert list(tmp_path.iterdir()) == []


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    with host_process(tmp_path / "host") as process:
        assert process.door.ask(AskCeremonies()).ceremonies == ()
        assert process.end() == 0
    assert not process.socket.exists()
