"""Writes docs/examples: a rehearsal of a genesis and one in earnest, held at a real host.

`PYTHONPATH=backend:app:tests python -m support.ceremonyexamples docs/examples`
"""

import socket
import sys
import tempfile
from pathlib import Path

from keyturn.ceremony.minutes import make_minutes
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import Word
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.client.minutes import minutes_pdf
from support.ceremonies import Cast
from support.ceremonies_host import Table, genesis_plan, host_here

HOST = "ceremony-host"


def held(*, rehearsal: bool) -> bytes:
    """The transcript of a genesis 3-of-5 with a recoverable KEK, from its opening to its end."""
    cast = Cast(simulation=rehearsal)
    changed: dict[str, object] = {"kek_profile": KekProfile.RECOVERABLE}
    if rehearsal:
        changed |= {"ceremony": "rehearsal-genesis-1", "rehearsal": True, "token": "rehearsal"}
    with (
        tempfile.TemporaryDirectory() as directory,
        host_here(Path(directory) / "site", rehearsal=rehearsal) as door,
    ):
        table = Table(door, cast)
        table.open(genesis_plan(cast, **changed))
        table.run("hand-out")
        table.say("sofia", Part.SCRIBE, Word.NOTE, "Everybody else left the room meanwhile.")
        table.run()
        return table.file("transcript.json")


def main() -> None:
    socket.gethostname = lambda: HOST
    target = Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    for name, rehearsal in (("genesis-rehearsal", True), ("genesis", False)):
        raw = held(rehearsal=rehearsal)
        verified = verify_transcript(parse_transcript(raw))
        (target / f"{name}.transcript.json").write_bytes(raw)
        (target / f"{name}.minutes.pdf").write_bytes(minutes_pdf(make_minutes(verified)))


if __name__ == "__main__":
    main()
