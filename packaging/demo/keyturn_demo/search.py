"""Looks for secrets and weights in processes and files, after a positive control of the search.

A process of its own, because whoever searches holds what it looks for. Run as
`python -m keyturn_demo.search SPEC.json --pin-fd N`; prints what was found where as JSON.
The DEK it gets as a custodian could: with the PIN, from the token, wrapped to a key of its own.
"""

import argparse
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from keyturn.base.encoding import digest_bytes, digest_of
from keyturn.exposure.memscan import NotSearchedError, find_in_process, find_in_tree
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.protocol import Admission, OaepHash, ReleaseOrder
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import worker_config
from keyturn.seal.sealedkey import parse_sealed_key

WINDOW = 64  # bytes of weights that occur nowhere else
WINDOWS = 6

_HOLDER = """
import sys
needles = [sys.stdin.buffer.readline().strip() for _ in range(int(sys.argv[1]))]
held = [bytearray.fromhex(each.decode()) for each in needles]
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.buffer.read()
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("spec", type=Path)
    parser.add_argument("--pin-fd", type=int, required=True)
    parser.add_argument("--secrets-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    spec = json.loads(options.spec.read_text())
    needles = weight_windows(Path(spec["weights"]))
    needles["DEK"] = dek_of(spec, options.pin_fd)
    with os.fdopen(options.secrets_fd, "rb") as file:
        needles |= {name: text.encode() for name, text in json.load(file).items()}
    result = {
        "needles": len(needles),
        "windows": WINDOWS,
        "control": control(needles),
        "argv and environment": in_argv_and_environment(needles),
        "processes": {
            name: in_process(int(pid), needles) for name, pid in spec["processes"].items()
        },
        "trees": {name: in_tree(Path(path), needles) for name, path in spec["trees"].items()},
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def weight_windows(weights: Path) -> dict[str, bytes]:
    """Windows of the tensors' bytes, spread over the file, each of many different bytes."""
    data = weights.read_bytes()
    chooser = random.Random(20261123)  # noqa: S311 - places to look at, no secret
    found: dict[str, bytes] = {}
    while len(found) < WINDOWS:
        start = chooser.randrange(len(data) // 10, len(data) - WINDOW)
        window = data[start : start + WINDOW]
        if len(set(window)) > WINDOW // 2 and data.count(window) == 1:
            found[f"weights at {start}"] = window
    return found


def dek_of(spec: dict[str, str], pin_fd: int) -> bytes:
    """Unwrap and re-wrap in the HSM: the DEK is in the clear in this process only."""
    sealed = Path(spec["sealed"])
    digest = digest_bytes(digest_of((sealed / "keyturn.json").read_bytes()))
    key = parse_sealed_key((sealed / "keyturn.key").read_bytes())
    own = rsa.generate_private_key(65537, 3072)
    spki = own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    config: WorkerConfig = worker_config(load_config(Path(spec["keyholder"]), {}))
    with HsmWorker(config, pin_fd) as hsm:
        oaep = OaepHash(key.wrapped.oaep_hash.value)
        wrapped = hsm.rewrap_admission(Admission(key.wrapped.value, oaep, digest, key.tag)).value
        order = ReleaseOrder(digest, key.tag, spki, 0, secrets.token_bytes(32))
        released = hsm.release(wrapped, order)
    chosen = hashes.SHA256() if released.oaep_hash is OaepHash.SHA256 else hashes.SHA1()  # noqa: S303
    return own.decrypt(released.ciphertext, padding.OAEP(padding.MGF1(chosen), chosen, None))


def control(needles: dict[str, bytes]) -> dict[str, object]:
    """The same search where everything is known to lie: it must find all of it."""
    shown = {f"SHOWN_{place}": needle.hex() for place, needle in enumerate(needles.values())}
    holder = subprocess.Popen(
        (sys.executable, "-c", _HOLDER, str(len(needles))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **shown},
    )
    try:
        if holder.stdin is None or holder.stdout is None:
            raise RuntimeError("no pipes")
        for needle in needles.values():
            holder.stdin.write(needle.hex().encode() + b"\n")
        holder.stdin.flush()
        holder.stdout.readline()
        memory = in_process(holder.pid, needles)
        environment = in_argv_and_environment(needles)
    finally:
        holder.kill()
        holder.communicate()
    with tempfile.TemporaryDirectory(dir=_memory_directory()) as folder:
        Path(folder, "control").write_bytes(os.urandom(4096).join(needles.values()))
        files = in_tree(Path(folder), needles)
    return {"memory": memory, "files": files, "environment": environment}


def _memory_directory() -> str | None:
    """The control file holds the DEK: in memory, where there is such a place."""
    shared = Path("/dev/shm")  # noqa: S108
    return str(shared) if shared.is_dir() and os.access(shared, os.W_OK) else None


def in_argv_and_environment(needles: dict[str, bytes]) -> dict[str, object]:
    """Every process on this machine that may be read; needles as bytes and as hex."""
    found: set[str] = set()
    read = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        for name in ("cmdline", "environ"):
            try:
                text = (process / name).read_bytes()
            except OSError:
                continue
            read += 1
            found |= {n for n, v in needles.items() if v in text or v.hex().encode() in text}
    return {"searched": read > 0, "found": sorted(found), "read": read}


def in_process(pid: int, needles: dict[str, bytes]) -> dict[str, object]:
    try:
        searched = find_in_process(pid, needles)
    except NotSearchedError as error:
        return {"searched": False, "why": str(error)}
    return {
        "searched": True,
        "found": sorted(searched.found),
        "bytes": searched.searched_bytes,
        "unreadable": searched.unreadable_bytes,
    }


def in_tree(root: Path, needles: dict[str, bytes]) -> dict[str, object]:
    searched = find_in_tree(root, needles)
    return {
        "searched": True,
        "found": sorted(searched.found),
        "bytes": searched.searched_bytes,
        "unreadable": searched.unreadable_bytes,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
