"""Keeping what convicts a log: both signed checkpoints that cannot be one history (I5)."""

from pathlib import Path

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.client.errors import HistoryRewritten
from keyturn.client.profile import write_atomically

TYPE = "contradiction"


def save_contradiction(directory: Path, error: HistoryRewritten) -> Path:
    """Write both notes below `directory`, named after the root shown. Raises FileUnusable."""
    root = error.shown.checkpoint.root.hex()[:16]
    path = directory / f"contradiction-{root}.json"
    document = {
        "type": TYPE,
        "format": 1,
        "kept": b64(error.kept.to_bytes()),
        "shown": b64(error.shown.to_bytes()),
    }
    write_atomically(path, dump(document))
    return path
