"""The model's time in memory: opened once, run by an engine, wiped once, from whatever thread.

A wipe that comes while the model is still being opened stops the opening; nothing that an opening
made survives it.
"""

import threading
import time
from pathlib import Path

from keyturn.agent.engine import EmbeddingEngine
from keyturn.agent.errors import ModelUnusable, NotServing
from keyturn.agent.memory import overwrite_freed_memory
from keyturn.base.encoding import Digest
from keyturn.seal.keys import wipe
from keyturn.vault.opener import open_model
from keyturn.vault.parallel import thread_count


class ModelInMemory:
    """One sealed model of this node. `caveats`: what was told to the keyholder about memory."""

    def __init__(
        self, directory: Path, digest: Digest, *, caveats: frozenset[str], workers: int | None
    ) -> None:
        self._directory = directory
        self._digest = digest
        self._caveats = caveats
        self._workers = thread_count(workers, 1 << 16)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._engine: EmbeddingEngine | None = None

    @property
    def engine(self) -> EmbeddingEngine | None:
        return self._engine

    def open(self, dek: bytearray, tag: bytes) -> None:
        """Open and load; wipes `dek` whatever happens. Blocks.

        Raises what `vault.open_model` raises, ModelUnusable, NotServing when wiped meanwhile.
        """
        try:
            with self._lock:
                self._check_wanted(0, 0)
                opened = open_model(
                    self._directory, dek, self._digest, tag, progress=self._check_wanted
                )
                wipe(dek)
                if not opened.caveats <= self._caveats:
                    opened.wipe()
                    raise ModelUnusable(
                        "memory is not what this node told the keyholder",
                        found=", ".join(sorted(opened.caveats)),
                        expected=", ".join(sorted(self._caveats)) or "no caveat",
                        hint="Raise the limit of locked memory (RLIMIT_MEMLOCK) above the model.",
                    )
                overwrite_freed_memory()
                self._engine = EmbeddingEngine(opened, opened.wipe, workers=self._workers)
        finally:
            wipe(dek)

    def wipe(self) -> int:
        """Zeroise, for good. Blocks; returns the milliseconds that it took."""
        start = time.perf_counter()
        self._ended.set()
        with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                engine.wipe()
        return round((time.perf_counter() - start) * 1000)

    def _check_wanted(self, _done: int, _total: int) -> None:
        if self._ended.is_set():
            raise NotServing("stopped while the model was being opened")
