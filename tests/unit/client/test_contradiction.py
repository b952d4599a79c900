"""What convicts a log is kept as it was signed."""

import json
from pathlib import Path

from keyturn.base.encoding import unb64
from keyturn.client.contradiction import save_contradiction
from keyturn.client.errors import HistoryRewritten
from support.authority import Clock
from unit.client.scripted_server import ScriptedServer


def test_both_checkpoints_are_saved_as_they_were_signed(tmp_path: Path) -> None:
    server = ScriptedServer(Clock())
    kept, shown = server.checkpoint(), server.checkpoint(1)
    path = save_contradiction(tmp_path, HistoryRewritten("shrunk", kept=kept, shown=shown))
    found = json.loads(path.read_bytes())
    assert unb64(found["kept"]) == kept.to_bytes()
    assert unb64(found["shown"]) == shown.to_bytes()
    assert path.stat().st_mode & 0o077 == 0
