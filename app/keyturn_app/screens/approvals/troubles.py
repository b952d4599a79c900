"""Why less is shown than one would like, and what an empty list means. No Qt."""

from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.inbox import Filter, Wanted

Trouble = tuple[str, str]
"""The text, empty when all is well, and its tone: warn or danger."""


def trouble(facts: Facts, lied: str) -> Trouble:
    """`lied`: what an answer to this page was caught at. How old all is, the window says."""
    if lied:
        return (
            _("{what} Keyturn does not show what it cannot verify.").format(what=lied),
            "danger",
        )
    if facts.connection.link is Link.DISTRUSTED:
        return (
            _(
                "The server is not believed: what it says of proposals is not shown. "
                "The alarm says what it was caught at."
            ),
            "danger",
        )
    gone = facts.proposals.gone if facts.proposals else frozenset()
    if gone:
        text = n_(
            "The server no longer lists {count} open proposal that it showed before; it is kept "
            "here. Ask another officer whether they see it.",
            "The server no longer lists {count} open proposals that it showed before; they are "
            "kept here. Ask another officer whether they see them.",
            len(gone),
        )
        return text, "warn"
    return "", "warn"


def emptiness(facts: Facts, wanted: Wanted) -> tuple[str, str]:
    """Title and text for a list without rows."""
    if not facts.trusted:
        return _("Nothing is shown"), _("What this server says is not believed any more.")
    if facts.connection.link is Link.STATION:
        return (
            _("No proposal is open"),
            _(
                "Open a proposal's file, pictures of its QR codes, or paste a picture of the "
                "screen. It is verified here, and nobody is asked."
            ),
        )
    if facts.connection.link is Link.OFFLINE:
        return _("No server in this session"), _("Open a proposal's file to decide about it.")
    if facts.proposals is None or facts.seen is None:
        return _("Proposals are being fetched"), _("Each is verified before it is shown.")
    if not facts.proposals.all:
        return (
            _("No proposals yet"),
            _("A change of policy, baselines, platforms or models begins with a proposal."),
        )
    if wanted.filter is Filter.WAITING and not wanted.text and wanted.kind is None:
        return _("Nothing waits for you"), _("What you may decide about, you have decided.")
    return _("No proposal fits"), _("Choose another filter, or clear the search.")
