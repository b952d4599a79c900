"""After a wipe neither the weights nor the DEK are in the process; before it, the weights are.

The search runs in this process over another one. It needs the right to read a child's memory.
"""

import secrets
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from keyturn.agent.memory import can_lock
from keyturn.agent.safetensors import parse_safetensors
from keyturn.base.signatures import KeyId
from keyturn.exposure.memscan import find_in_process
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.sealer import seal_directory

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import sys
from pathlib import Path
from keyturn.agent.model import ModelInMemory
directory, digest, tag = sys.argv[1:]
model = ModelInMemory(Path(directory), digest, caveats=frozenset({"unlocked-memory"}), workers=2)
dek = bytearray(32)
sys.stdin.buffer.readinto(dek)
model.open(dek, bytes.fromhex(tag))
for text in ("hello world", "the quick brown fox jumps over the lazy dog " * 3, "a"):
    model.engine.embed([text, text + " again"])
print("open", flush=True)
sys.stdin.buffer.read(1)
model.wipe()
print("wiped", flush=True)
sys.stdin.buffer.read(1)
"""
WINDOW = 32


def windows(weights: bytes) -> dict[str, bytes]:
    """One window out of the middle of several tensors, and of rows that were looked up."""
    spans = parse_safetensors(memoryview(weights))
    found = {}
    for name in sorted(spans)[::6]:
        middle = (spans[name].start + spans[name].stop) // 8 * 4
        found[name] = weights[middle : middle + WINDOW]
    for name in ("embeddings.word_embeddings.weight", "embeddings.token_type_embeddings.weight"):
        found[f"first row of {name}"] = weights[spans[name].start : spans[name].start + WINDOW]
    return {name: each for name, each in found.items() if len(set(each)) > 12}


def test_the_weights_leave_the_process_with_the_wipe(real_model: Path, tmp_path: Path) -> None:
    dek = secrets.token_bytes(32)
    sealed = seal_directory(
        real_model,
        tmp_path / "sealed",
        dek=bytearray(dek),
        identity=ModelIdentity(ModelId("mini"), "mini", "1"),
        created=datetime(2026, 11, 23, 8, tzinfo=UTC),
        randomness=secrets.token_bytes,
        wrap=lambda _: WrappedDek(KeyId("0a" * 32), OaepHash.SHA256, bytes(384)),
    )
    needles = windows((real_model / "model.safetensors").read_bytes())
    arguments = [str(sealed.directory), sealed.model_digest, sealed.key.tag.hex()]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT / "backend")},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(dek)
        child.stdin.flush()
        assert child.stdout.readline() == b"open\n"
        before = find_in_process(child.pid, {**needles, "dek": dek})
        child.stdin.write(b".")
        child.stdin.flush()
        assert child.stdout.readline() == b"wiped\n"
        after = find_in_process(child.pid, {**needles, "dek": dek})
        child.stdin.write(b".")

    assert before.found - {"dek"} == set(needles), "control: the search finds what is there"
    assert all(len(before.hits[name]) == 1 for name in needles), "no second copy"
    assert after.found == frozenset()


def test_locking_is_tried_without_touching_memory() -> None:
    assert can_lock(0)
    assert not can_lock(1 << 46)
