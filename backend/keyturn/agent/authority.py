"""The authority that a node believes: pinned by fingerprint, renewed when officers change it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from keyturn.agent.errors import AnswerUntrusted, ConfigInvalid
from keyturn.base.encoding import Digest
from keyturn.quorum.bundle import MAX_BUNDLE, Authority, load_bundle
from keyturn.quorum.kinds import Kind


class PinnedAuthority:
    """Holds the newest verified bundle. Threads may read `current` while one refreshes."""

    def __init__(self, raw: bytes, fingerprint: Digest, now: Callable[[], datetime]) -> None:
        """Raises MalformedError, SubmissionRefused."""
        self._fingerprint = fingerprint
        self._now = now
        self._raw = raw
        self.current: Authority = load_bundle(raw, fingerprint, now())

    def refresh(self, raw: bytes) -> bool:
        """Take a newer bundle; False when it is the one we have.

        Raises as the constructor, and AnswerUntrusted on one that is older (a rollback).
        """
        if raw == self._raw:
            return False
        new = load_bundle(raw, self._fingerprint, self._now())
        found, have = _versions(new), _versions(self.current)
        if any(f < h for f, h in zip(found, have, strict=True)):
            raise AnswerUntrusted(
                "the server's authority bundle is older than ours",
                found=f"roster {found[0]}, keys {found[1]}",
                expected=f"at least roster {have[0]}, keys {have[1]}",
            )
        self.current, self._raw = new, raw
        return True


def read_authority(path: Path, fingerprint: Digest, now: Callable[[], datetime]) -> PinnedAuthority:
    """Raises ConfigInvalid when the file cannot be read, else as PinnedAuthority."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BUNDLE + 1)
    except OSError as error:
        raise ConfigInvalid(f"authority bundle {path}: {error.strerror}") from error
    return PinnedAuthority(raw, fingerprint, now)


def _versions(authority: Authority) -> tuple[int, int]:
    newest = authority.state.newest
    return (
        newest[(Kind.ROSTER, "roster")].statement.version,
        newest[(Kind.KEYS, "keys")].statement.version,
    )
