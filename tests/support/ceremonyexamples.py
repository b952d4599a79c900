"""Writes docs/examples: transcripts and minutes of the story that is told by command line.

`PYTHONPATH=backend:app:tests python -m support.ceremonyexamples docs/examples`
"""

import sys
import tempfile
from pathlib import Path

from keyturn_sim.vendors import SimVendors
from support.ceremonystory import Story, tell
from support.nodes import NodeSecrets

EXAMPLES = {
    "genesis-rehearsal": "rehearsal-genesis",
    "genesis": "genesis",
    "kek-rotation": "rotation",
    "backup": "backup",
    "restore": "restore",
    "restore-drill": "drill",
}
"""By the file's name, the ceremony of the story."""


def main() -> None:
    target = Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kt-") as desk:
        story = Story(Path(desk), SimVendors.create("Genoa"), NodeSecrets())
        tell(story, lambda _, name: print(name, flush=True))
        fingerprint = story.fingerprint
    for name, ceremony in EXAMPLES.items():
        (target / f"{name}.transcript.json").write_bytes(story.transcripts[ceremony])
        (target / f"{name}.minutes.pdf").write_bytes(story.minutes[ceremony])
    (target / "fingerprint").write_text(f"{fingerprint}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
