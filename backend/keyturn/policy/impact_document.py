"""An impact preview as a document that officers' approvals can name (our protocol §8.9)."""

from collections.abc import Sequence

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import UntrustedError
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.policy.drafts import Draft
from keyturn.policy.findings import Finding
from keyturn.policy.impact import Impact, LogPosition, NodeImpact
from keyturn.policy.impact_reading import TYPE, differences, read_preview
from keyturn.policy.observed import Observed
from keyturn.policy.preview import Progress, preview
from keyturn.quorum.state import AuthorityState

_LISTED = 20


class PreviewDisagrees(UntrustedError):
    """A document that is not what comes of the same question, asked again."""


def preview_bytes(impact: Impact) -> bytes:
    """The same bytes wherever the inputs are the same."""
    draft = impact.draft
    nodes = sorted(impact.nodes, key=lambda each: (each.node, each.model))
    models = sorted(impact.models, key=lambda each: each.model)
    return dump(
        {
            "type": TYPE,
            "format": 1,
            "authority": impact.authority,
            "kind": draft.kind.value,
            "subject": draft.subject,
            "statement": draft.proposed,
            "body": draft.body_digest,
            "size": impact.position.size,
            "root": impact.position.root,
            "time": format_time(impact.time),
            "counts": {group.value: count for group, count in impact.counts.items()},
            "models": [
                {
                    "model": each.model,
                    "before": each.before,
                    "after": each.after,
                    "not_measurable": each.unmeasured,
                }
                for each in models
            ],
            "nodes": [_node(each) for each in nodes],
        }
    )


def preview_digest(impact: Impact) -> Digest:
    """What an approval names."""
    return digest_of(preview_bytes(impact))


def verify_preview(
    raw: bytes,
    draft: Draft,
    state: AuthorityState,
    observed: Sequence[Observed],
    position: LogPosition,
    *,
    again: Sequence[Observed] | None = None,
    progress: Progress | None = None,
) -> Impact:
    """Compute it again, for the time that the document names. Raises MalformedError, and
    PreviewDisagrees, which lists what differs.
    """
    said = read_preview(raw)
    made = preview(draft, state, observed, position, said.time, again=again, progress=progress)
    expected = preview_bytes(made)
    if raw != expected:
        unlike = differences(said, read_preview(expected))
        more = f"; and {len(unlike) - _LISTED} more" if len(unlike) > _LISTED else ""
        raise PreviewDisagrees(
            "the preview is not what comes of asking again",
            found="; ".join(unlike[:_LISTED]) + more or "the same in other bytes",
            expected=digest_of(expected),
            hint="Nodes that attested since show other evidence: compute the preview anew.",
        )
    return made


def _node(impact: NodeImpact) -> dict[str, object]:
    return {
        "node": impact.node,
        "model": impact.model,
        "evidence": impact.evidence,
        "outcome": impact.group.value,
        "decisive": [_decisive(each) for each in impact.decisive],
    }


def _decisive(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "reason": finding.reason,
        "statement": finding.statement,
    }
