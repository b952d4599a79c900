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
    write_atomically(path, contradiction(error.kept.to_bytes(), error.shown.to_bytes()))
    return path


def contradiction(kept: bytes, shown: bytes) -> bytes:
    """The file's contents, from both signed notes."""
    return dump({"type": TYPE, "format": 1, "kept": b64(kept), "shown": b64(shown)})
