"""The plaintext of a model in memory, and its end (I4)."""

import threading
from collections.abc import Iterator, Mapping

from keyturn.base.encoding import Digest
from keyturn.seal.contents import Contents
from keyturn.seal.manifest import Manifest
from keyturn.seal.paths import ModelPath
from keyturn.vault.arena import Arena, wipe_all
from keyturn.vault.errors import ModelWiped
from keyturn.vault.hygiene import UNLOCKED_MEMORY


class OpenedModel(Mapping[str, memoryview]):
    """The plaintext of a model: path to read-only bytes in memory. Use as a context manager.

    Keep it alive as long as anything uses the bytes. After `wipe` every access raises
    ModelWiped; views that an engine still holds read zeroes.
    """

    def __init__(
        self,
        manifest: Manifest,
        model_digest: Digest,
        contents: Contents,
        arenas: Mapping[ModelPath, Arena],
    ) -> None:
        self.manifest = manifest
        self.model_digest = model_digest
        self.contents = contents
        self.caveats: frozenset[str] = frozenset(
            () if all(each.locked for each in arenas.values()) else (UNLOCKED_MEMORY,)
        )
        self._arenas = dict(arenas)
        self._views: dict[str, memoryview] = {
            path: arena.view.toreadonly() for path, arena in arenas.items()
        }
        self._wiped = False
        self._lock = threading.Lock()

    @property
    def wiped(self) -> bool:
        return self._wiped

    def wipe(self) -> None:
        """Zeroise everything, with all CPUs; may be called again, and from any thread."""
        with self._lock:
            self._wiped = True
            arenas = list(self._arenas.values())
            wipe_all(arenas)
            for arena in arenas:
                arena.release()
            self._arenas.clear()
            self._views.clear()

    def __getitem__(self, path: str) -> memoryview:
        self._check()
        return self._views[path]

    def __iter__(self) -> Iterator[str]:
        self._check()
        return iter(tuple(self._views))

    def __len__(self) -> int:
        self._check()
        return len(self._views)

    def __enter__(self) -> "OpenedModel":
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def _check(self) -> None:
        if self._wiped:
            raise ModelWiped("the model has been wiped from memory")
