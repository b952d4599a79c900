"""Impact previews of this officer: computed from what is verified here, kept on this machine.

No server is sent one, and none is believed (our protocol §8.9).
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from keyturn.attest.anchors import TrustAnchors
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.client.errors import FileUnusable
from keyturn.client.evidence import NO_COLLATERAL, Collateral
from keyturn.client.seen import Seen
from keyturn.policy.drafts import Draft, with_draft
from keyturn.policy.impact import Impact, LogPosition
from keyturn.policy.impact_document import verify_preview
from keyturn.policy.impact_reading import SaidPreview, read_preview
from keyturn.policy.observed import Observed
from keyturn.policy.preview import preview
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.kinds import Kind

KEPT = 100
"""Files; the oldest go first."""
_HEAD = 4096
"""Bytes: a document names its statement before any node."""

Step = Callable[[int, int], None]


class Fleet(Protocol):
    """`client.evidence.FleetEvidence`, as far as it is needed here."""

    def observe_fleet(
        self,
        seen: Seen,
        now: datetime,
        *,
        anchors: TrustAnchors | None = None,
        collateral: Collateral = ...,
        step: Step = ...,
    ) -> tuple[Observed, ...]: ...


def _silent(_done: int, _total: int) -> None:
    pass


def position_of(seen: Seen) -> LogPosition:
    """What the rules in force were read from."""
    checkpoint = seen.checkpoint.checkpoint
    return LogPosition(checkpoint.size, checkpoint.root.hex())


def impact_of(
    draft: Draft,
    seen: Seen,
    fleet: Fleet,
    now: datetime,
    step: Step = _silent,
    *,
    collateral: Collateral = NO_COLLATERAL,
) -> Impact:
    """Raises MalformedError for a kind without a preview, and what fetching raises."""
    before = fleet.observe_fleet(seen, now, collateral=collateral, step=step)
    again = _again(draft, seen, fleet, now, step, collateral)
    return preview(draft, seen.state, before, position_of(seen), now, again=again, progress=step)


def check_impact(
    raw: bytes,
    draft: Draft,
    seen: Seen,
    fleet: Fleet,
    now: datetime,
    step: Step = _silent,
    *,
    collateral: Collateral = NO_COLLATERAL,
) -> Impact:
    """Compute somebody's preview again at its own time. Raises PreviewDisagrees."""
    before = fleet.observe_fleet(seen, now, collateral=collateral, step=step)
    again = _again(draft, seen, fleet, now, step, collateral)
    return verify_preview(
        raw, draft, seen.state, before, position_of(seen), again=again, progress=step
    )


def _again(
    draft: Draft, seen: Seen, fleet: Fleet, now: datetime, step: Step, collateral: Collateral
) -> tuple[Observed, ...] | None:
    """Under the draft's own anchors, where it is about anchors."""
    if draft.kind is not Kind.TRUST_ANCHORS:
        return None
    anchors, _ = anchors_in_force(with_draft(seen.state, draft, now), now)
    return fleet.observe_fleet(seen, now, anchors=anchors, collateral=collateral, step=step)


class PreviewShelf:
    """Documents by their digest, in the officer's own files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, raw: bytes) -> Digest:
        """Raises FileUnusable where the disk says no."""
        digest = digest_of(raw)
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._directory / f"{digest.removeprefix('sha256:')}.json"
            new = path.with_name(f".{path.name}.new")
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(raw)
            new.replace(path)
            for old in self._by_age()[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise FileUnusable(f"cannot keep the impact preview: {error.strerror}") from error
        return digest

    def get(self, digest: Digest) -> bytes | None:
        """None: not here, or not what it was."""
        return self._read(self._directory / f"{digest.removeprefix('sha256:')}.json")

    def newest(
        self, statement: Digest, since: datetime, until: datetime
    ) -> tuple[Digest, SaidPreview] | None:
        """The one of a proposed statement that was computed last, between these times: a
        document says itself when it was made, and one of somebody else's may say anything."""
        found: list[tuple[datetime, Digest, SaidPreview]] = []
        for path in self._by_age():
            raw = self._read(path)
            if raw is None or statement.encode() not in raw[:_HEAD]:
                continue  # parsing all of them would take seconds
            with suppress(MalformedError):
                said = read_preview(raw)
                if said.statement == statement and since <= said.time <= until:
                    found.append((said.time, digest_of(raw), said))
        if not found:
            return None
        _, digest, said = max(found, key=lambda each: each[:2])
        return digest, said

    def _by_age(self) -> list[Path]:
        """The newest first."""
        paths = list(self._directory.glob("[0-9a-f]*.json"))
        return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)

    def _read(self, path: Path) -> bytes | None:
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        return raw if digest_of(raw) == f"sha256:{path.stem}" else None
