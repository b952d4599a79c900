"""What is kept of a ceremony: transcript, minutes, and what a stranger's reader says of it. No Qt."""

from keyturn_app.screens.ceremonies.reading import Reading


def transcript_of(reading: Reading) -> bytes:
    """The transcript file (our protocol §10.4), without the log's receipts."""
    raise NotImplementedError


def minutes_of(reading: Reading) -> bytes:
    """The minutes as PDF; a draft while it runs."""
    raise NotImplementedError


def verdict_of(reading: Reading) -> str:
    """What `keyturn ceremony verify` says of this transcript, in words."""
    raise NotImplementedError
