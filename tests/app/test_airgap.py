"""An officer station as a process: it opens its key, reads, signs, and never a socket."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.client.profile import places_of, station_profile, write_profile
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.location import InFile
from keyturn.quorum.kinds import Kind
from keyturn_app.live import airgap
from support.airgapped import PASSPHRASE
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer
from unit.client.test_station import export_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock(datetime.now(UTC).replace(microsecond=0)))


def ended(directory: Path, file: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "support.airgapped", str(directory), str(file)],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in ("backend", "app", "tests")),
        },
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_a_station_signs_and_reaches_for_nothing(server: ScriptedServer, tmp_path: Path) -> None:
    place = tmp_path / "station"
    place.mkdir()
    cheap = KdfCost(iterations=1, lanes=1, memory_kib=8)
    write_key_file(place / "b.key", server.secrets["bela"], bytearray(PASSPHRASE), cost=cheap)
    profile = station_profile(server.fingerprint, "bela", InFile(place / "b.key"))
    write_profile(places_of(place, {}), profile)
    file = tmp_path / "proposal.json"
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    file.write_bytes(export_of(server, made))
    found = ended(place, file)
    assert found["approved_by"] == ["bela"]
    assert found["control"] == [f"socket.__new__ {int(socket.AF_INET)}"], "the watch sees nothing"
    local = f"socket.__new__ {int(socket.AF_UNIX)}"  # the desktop's and the keyring's bus
    assert [each for each in found["events"] if each != local] == []  # type: ignore[attr-defined]
    assert found["tried"] == ["sealed", "sealed", "sealed"]
    assert "connects to no server" in str(found["join"])


def test_the_seal_refuses_before_the_system_is_asked() -> None:
    """The hook itself, without sealing this process."""
    inet = (object(), socket.AF_INET, socket.SOCK_STREAM, 0)
    for event, arguments in (
        ("socket.__new__", inet),
        ("socket.__new__", (object(), socket.AF_INET6, socket.SOCK_DGRAM, 0)),
        ("socket.getaddrinfo", ("keyturn.example", 443, 0, 0, 0)),
        ("socket.gethostbyname", ("keyturn.example",)),
        ("socket.connect", (object(), ("127.0.0.1", 1))),
    ):
        with pytest.raises(airgap.Sealed):
            airgap._refuse(event, arguments)
    airgap._refuse("socket.__new__", (object(), socket.AF_UNIX, socket.SOCK_STREAM, 0))
    airgap._refuse("open", ("a file", "r", 0))
    assert not airgap.sealed()
