"""What can be wrong with a sealed model."""

from keyturn.base.errors import MalformedError, UntrustedError


class MalformedSealedModel(MalformedError):
    """A manifest, key file, path or header does not have the form that the format demands."""


class SealBroken(UntrustedError):
    """A sealed file is not what was sealed: changed, cut, reordered, swapped or another's.

    `segment` counts from 0; None where the file as a whole is wrong.
    """

    def __init__(
        self,
        path: str,
        segment: int | None,
        problem: str,
        *,
        found: str = "",
        expected: str = "",
    ) -> None:
        place = f"sealed file {path!r}" + ("" if segment is None else f", segment {segment}")
        super().__init__(
            f"{place}: {problem}",
            found=found,
            expected=expected,
            hint="Fetch this file again from where the model was published, then run "
            "`keyturn sealed verify`.",
        )
        self.path = path
        self.segment = segment


class WrongManifest(UntrustedError):
    """The manifest is not the one whose digest was approved."""


class WrongModelKey(UntrustedError):
    """The data key and the model do not belong together: the tag does not verify."""
