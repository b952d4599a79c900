"""Which impact preview an approval names: the kept one, one in a file, or none (§8.9)."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import typer

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.times import format_time
from keyturn.cli.output import stderr
from keyturn.cli.profile import Desk, now
from keyturn.client.errors import FileUnusable
from keyturn.client.offline import read_file
from keyturn.client.previews import PreviewShelf
from keyturn.policy.impact_reading import MAX_PREVIEW, read_preview
from keyturn.policy.preview import PREVIEWED
from keyturn.quorum.statements import Statement

SIGNABLE = timedelta(hours=1)
"""So old may a preview be that is signed without being named."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the officer says of the preview that they looked at."""

    file: Path | None
    none: bool

    def __post_init__(self) -> None:
        if self.file is not None and self.none:
            raise typer.BadParameter("name a preview, or none", param_hint="--preview")

    def digest(self, desk: Desk, statement: Statement) -> Digest | None:
        """To be signed. Raises FileUnusable for a preview of something else."""
        if self.none or (self.file is None and statement.kind not in PREVIEWED):
            return None
        shelf = previews_of(desk)
        if self.file is None:
            return _kept(shelf, statement)
        raw = read_file(self.file, MAX_PREVIEW)
        try:
            said = read_preview(raw)
        except MalformedError as error:
            raise FileUnusable(
                f"{self.file} is no impact preview: {error.message}", found=error.found
            ) from error
        if said.statement != statement.digest:
            raise FileUnusable(
                f"{self.file} is of something else",
                found=said.statement or f"a body that was not proposed, {said.body}",
                expected=statement.digest,
            )
        return shelf.put(raw)


def previews_of(desk: Desk) -> PreviewShelf:
    """The previews that this officer was shown."""
    return PreviewShelf(desk.places.state / "previews")


def _kept(shelf: PreviewShelf, statement: Statement) -> Digest | None:
    at = now()
    found = shelf.newest(statement.digest, at - SIGNABLE, at)
    if found is None:
        stderr.print(
            "No impact preview was computed here lately, and none is signed. See it first: "
            f"keyturn policy impact {statement.digest[7:19]}",
            style="yellow",
            markup=False,
        )
        return None
    digest, said = found
    stderr.print(f"With impact preview {digest} of {format_time(said.time)}", markup=False)
    return digest
