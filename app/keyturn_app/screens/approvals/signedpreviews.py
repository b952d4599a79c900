"""Which impact preview an approval names: the one that is shown, another, or none. No Qt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from keyturn.base.encoding import Digest
from keyturn.policy.impact_reading import SaidNode, SaidPreview, read_preview
from keyturn.policy.preview import PREVIEWED
from keyturn.quorum.approvals import Approval, Decision
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.impact import group_word
from keyturn_app.screens.approvals.case import Case
from keyturn_app.statements.lettering import visible

_LISTED = 3


@dataclass(frozen=True, slots=True)
class Held:
    """`own`: of the preview that is shown, whose bytes are `document`; None while none is."""

    own: Digest | None = None
    document: bytes = field(default=b"", repr=False)
    others: Mapping[Digest, SaidPreview] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedPreview:
    """`token` is a colour: *stale* where an officer should look twice."""

    text: str
    token: str
    digest: Digest | None = None


NOTHING_HELD = Held()


def signed_preview(case: Case, approval: Approval, held: Held) -> SignedPreview | None:
    """None for a rejection, and for kinds that have no preview."""
    if approval.decision is not Decision.APPROVE or case.statement.kind not in PREVIEWED:
        return None
    digest = approval.preview
    if digest is None:
        return SignedPreview(_("Signed without an impact preview"), "stale")
    short = wording.digest(digest)
    if digest == held.own:
        return SignedPreview(_("Signed the impact preview shown here"), "ok", digest)
    known = held.others.get(digest)
    if known is None:
        text = _("Signed another impact preview, {digest}: it is not kept on this machine")
        return SignedPreview(text.format(digest=short), "text2", digest)
    if known.statement != case.digest:
        text = _("Signed the impact preview of something else, {digest}")
        return SignedPreview(text.format(digest=short), "danger", digest)
    return _known(known, held, digest)


def _known(known: SaidPreview, held: Held, digest: Digest) -> SignedPreview:
    when = wording.moment(known.time)
    if not held.document:
        text = _("Signed the impact preview of {when}, kept here").format(when=when)
        return SignedPreview(text, "text2", digest)
    unlike = differing(known, _read(held.document))
    if not unlike:
        text = _("Signed an impact preview of {when}: the same outcome for every node")
        return SignedPreview(text.format(when=when), "ok", digest)
    text = _("Signed another impact preview, of {when}: {what}").format(
        when=when, what="; ".join(_short(unlike))
    )
    return SignedPreview(text, "stale", digest)


def differing(said: SaidPreview, shown: SaidPreview) -> list[str]:
    """Nodes whose outcome is another now; when and how long the log was does not matter."""
    before = {(each.node, each.model): each for each in said.nodes}
    after = {(each.node, each.model): each for each in shown.nodes}
    found = []
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was is None or now is None or was.outcome is not now.outcome:
            found.append(_of_node(visible(key[0]), was, now))
    return found


def _of_node(name: str, was: SaidNode | None, now: SaidNode | None) -> str:
    if was is None:
        return _("{node} was not there").format(node=name)
    if now is None:
        return _("{node} is gone").format(node=name)
    return _("{node}: {was}, now {now}").format(
        node=name, was=group_word(was.outcome), now=group_word(now.outcome)
    )


def _short(unlike: list[str]) -> list[str]:
    left = len(unlike) - _LISTED
    if left <= 0:
        return unlike
    return [*unlike[:_LISTED], n_("and {count} more", "and {count} more", left)]


@lru_cache(maxsize=2)
def _read(document: bytes) -> SaidPreview:
    """Our own bytes, which may be megabytes: read once."""
    return read_preview(document)
