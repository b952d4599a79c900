"""Manifests of registered models: asked for when one is looked at, kept once proved. No Qt here."""

from collections.abc import Callable

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.seal.manifest import Manifest
from keyturn_app import wording
from keyturn_app.desk import Desk
from keyturn_app.entitled import not_asking


class Manifests:
    """`changed` is called when one has come, or could not be had. Each has its digest's bytes."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self._known: dict[Digest, Manifest] = {}
        self._errors: dict[Digest, str] = {}
        self._asked: dict[Digest, Callable[[], None]] = {}

    def known(self, digest: Digest) -> Manifest | None:
        return self._known.get(digest)

    def error(self, digest: Digest) -> str:
        """Why there is none; empty while it is on its way."""
        return self._errors.get(digest, "")

    def want(self, digest: Digest) -> None:
        """Ask for it, unless it is known or asked for."""
        if digest in self._known or digest in self._asked:
            return
        reason = not_asking(self._desk)
        self._errors[digest] = reason
        if reason:
            return
        self._asked[digest] = lambda: None  # an answer may come at once
        drop = self._desk.ask(
            lambda client: client.manifest(digest),
            done=lambda found: self._came(digest, found),
            failed=lambda error: self._failed(digest, error),
        )
        if digest in self._asked:
            self._asked[digest] = drop

    def close(self) -> None:
        for drop in self._asked.values():
            drop()
        self._asked.clear()

    def _came(self, digest: Digest, manifest: Manifest) -> None:
        self._asked.pop(digest, None)
        self._known[digest] = manifest
        self._changed()

    def _failed(self, digest: Digest, error: KeyturnError) -> None:
        self._asked.pop(digest, None)
        self._errors[digest] = wording.error_text(error)
        self._changed()
