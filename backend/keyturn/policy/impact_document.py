"""An impact preview as a document that officers' approvals can name (our protocol §8.8)."""

from collections.abc import Sequence

from keyturn.base.encoding import Digest, digest_of
from keyturn.policy.drafts import Draft
from keyturn.policy.impact import Impact, LogPosition
from keyturn.policy.observed import Observed
from keyturn.quorum.state import AuthorityState

MAX_PREVIEW = 64 << 20


def preview_bytes(impact: Impact) -> bytes:
    """The same bytes wherever the inputs are the same."""
    raise NotImplementedError


def preview_digest(impact: Impact) -> Digest:
    """What an approval names."""
    return digest_of(preview_bytes(impact))


def verify_preview(
    raw: bytes,
    draft: Draft,
    state: AuthorityState,
    observed: Sequence[Observed],
    position: LogPosition,
) -> Impact:
    """Compute it again, for the time that the document names. Raises MalformedError, and
    PreviewDisagrees, which lists what differs.
    """
    raise NotImplementedError
