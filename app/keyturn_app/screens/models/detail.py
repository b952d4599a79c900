"""One model version, all that is known of it: identity, key, admission, policy, nodes, files, log.

Made of verified facts, and of the manifest, whose SHA-256 is the model's digest. No Qt in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.times import parse_time
from keyturn.client.inventory import Model, Node
from keyturn.client.seen import first_at_hand
from keyturn.quorum.bodies import Keys
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.roster import OfficerId
from keyturn.seal.manifest import Manifest
from keyturn_app import wording
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.screens.models.admission import (
    Admission,
    Standing,
    admission_of,
    holding,
    look_of,
    nodes_known,
    note_of,
)
from keyturn_app.screens.models.history import Event, EventKind
from keyturn_app.states import Look, node_look

Line = tuple[str, str, bool]
"""Name, value, whether it is mono."""


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere else that says more: what `go` is called with."""

    text: str
    page: str
    target: str


@dataclass(frozen=True, slots=True)
class Section:
    lines: tuple[Line, ...] = ()
    text: str = ""  # instead of lines
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class FileLine:
    path: str
    size: str
    sealed_size: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Files:
    """`text` says why there are none yet; `retry` whether asking again may help."""

    lines: tuple[FileLine, ...] = ()
    text: str = ""
    retry: bool = False


@dataclass(frozen=True, slots=True)
class NodeLine:
    name: str
    look: Look
    lease: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class HistoryLine:
    index: int
    look: Look
    text: str
    when: str
    moment: str


@dataclass(frozen=True, slots=True)
class Detail:
    digest: Digest
    name: str
    version: str
    look: Look
    note: str
    why: str
    warnings: tuple[str, ...]
    identity: tuple[Line, ...]
    tag: str
    key_lines: tuple[Line, ...]
    assurance: str  # empty where the key is in hardware
    admission: Section
    policy: Section
    nodes: tuple[NodeLine, ...]
    nodes_text: str
    files: Files
    history: tuple[HistoryLine, ...]
    history_text: str  # why there is none, or from where on it is told
    renews: bool  # another admission would take the place of one in force


def detail_of(
    model: Model,
    facts: Facts,
    now: datetime,
    manifest: Manifest | None,
    manifest_error: str,
    events: Sequence[Event],
) -> Detail:
    admission = admission_of(model.digest, facts, now)
    held = holding(model.digest, facts, now)
    keys = facts.seen.state.newest_keys if facts.seen else None
    return Detail(
        digest=model.digest,
        name=model.name,
        version=model.version,
        look=look_of(admission, facts),
        note=note_of(admission),
        why=_why(admission, facts, now),
        warnings=_warnings(admission, model, facts, keys, manifest, now),
        identity=_identity(model, manifest),
        tag=model.tag,
        key_lines=_key_lines(model, keys),
        assurance=_assurance(keys),
        admission=_admission(admission, facts, now),
        policy=_policy(admission.policy, facts, now),
        nodes=tuple(_node(each, now) for each in held or ()),
        nodes_text=_nodes_text(held, facts),
        files=_files(manifest, manifest_error),
        history=tuple(_history(each, now) for each in events),
        history_text=_history_text(events, facts),
        renews=admission.standing is Standing.IN_FORCE,
    )


def _history_text(events: Sequence[Event], facts: Facts) -> str:
    first = 0 if facts.seen is None else first_at_hand(facts.seen.leaves)
    if first:
        text = _("Grants, renewals and refusals before entry {index} are not looked at here.")
        return text.format(index=f"{first:,}")
    return "" if events else _("The log has no entry of it.")


def _why(admission: Admission, facts: Facts, now: datetime) -> str:
    statement = admission.statement
    if admission.standing is Standing.REVOKED and admission.revocation is not None:
        found = admission.revocation
        return _(
            "Revoked {ago} by {who}: “{reason}” No key is released, and nodes wipe it."
        ).format(
            ago=wording.ago(found.since, now),
            who=_names(facts, sorted(found.approved_by)),
            reason=found.statement.reason,
        )
    if admission.standing is Standing.OPEN and admission.open_admission is not None:
        waiting = admission.open_admission
        return _(
            "{count} still to approve. Until then no key is released. It lapses {when}."
        ).format(
            count=n_("{count} officer", "{count} officers", waiting.missing),
            when=wording.until(waiting.statement.proposal_lapses, now),
        )
    if admission.standing is Standing.IN_FORCE and statement is not None:
        expires = statement.statement.expires
        when = wording.until(expires, now) if expires else _("never")
        return _("A quorum admitted it under a policy. The admission expires {when}.").format(
            when=when
        )
    return _fixed_why(admission.standing)


def _fixed_why(standing: Standing) -> str:
    return {
        Standing.EXPIRED: _("Its admission has expired: no key is released. Propose it again."),
        Standing.SUSPENDED: _(
            "Its admission is suspended: too few approvals without a compromised key."
        ),
        Standing.NEVER: _(
            "Nobody proposed to admit it: it is registered, and no machine can get its key."
        ),
        Standing.ENDED: _("Its last proposal came to nothing: no machine can get its key."),
    }.get(standing, _("The log is not known yet, so nothing is said of its admission."))


def _warnings(
    admission: Admission,
    model: Model,
    facts: Facts,
    keys: Keys | None,
    manifest: Manifest | None,
    now: datetime,
) -> tuple[str, ...]:
    found = []
    body = admission.body
    policy = body.policy if body and admission.standing is Standing.IN_FORCE else None
    if policy and facts.seen is not None and facts.seen.state.policy(policy, now) is None:
        text = _("Its policy “{policy}” is not in force: no key is released.")
        found.append(text.format(policy=policy))
    if manifest is not None and manifest.identity.name != model.name:
        found.append(
            _("It is admitted as “{name}”, but its manifest calls it “{other}”.").format(
                name=model.name, other=manifest.identity.name
            )
        )
    foreign = keys is not None and model.ingest_key not in _ingest_ids(keys)
    if foreign and model.ingest_key and not model.has_wrapped_key:
        found.append(_("It was sealed to another ingest key than the one in force."))
    return tuple(found)


def _ingest_ids(keys: Keys) -> set[str]:
    return {str(each.key_id) for each in keys.keys.values() if each.oaep_hash is not None}


def _identity(model: Model, manifest: Manifest | None) -> tuple[Line, ...]:
    lines: list[Line] = [
        (_("Model id"), model.model_id, True),
        (_("Version"), model.version, False),
        (
            _("Sealed"),
            _("{size} in {files}").format(
                size=wording.size(model.size),
                files=n_("{count} file", "{count} files", model.files),
            ),
            False,
        ),
    ]
    if manifest is not None:
        own = manifest.provenance
        lines.append((_("Sealed at"), wording.moment(manifest.created), False))
        lines.append((_("Sealed by"), f"{own.tool} {own.tool_version}", False))
    lines.append((_("Registered"), _moment(model.registered), False))
    return tuple(lines)


def _moment(text: str) -> str:
    try:
        return wording.moment(parse_time(text))
    except MalformedError:
        return _("unknown")


def _key_lines(model: Model, keys: Keys | None) -> tuple[Line, ...]:
    lines: list[Line] = [(_("Ingest key"), wording.digest(model.ingest_key) or "—", True)]
    if keys is not None:
        words = {"software": _("a software token"), "hardware": _("an HSM")}
        lines.append((_("Held in"), words.get(keys.assurance, keys.assurance), False))
    taken = (
        _("under the authority's own key (KEK)")
        if model.has_wrapped_key
        else _("only in the sealed model's key file")
    )
    lines.append((_("Data key"), taken, False))
    return tuple(lines)


def _assurance(keys: Keys | None) -> str:
    if keys is None or keys.assurance != "software":
        return ""
    return _("software assurance")


def _names(facts: Facts, officers: Sequence[OfficerId]) -> str:
    known = facts.seen.roster.officers if facts.seen else {}
    return ", ".join(known[each].name if each in known else each for each in officers)


def _admission(admission: Admission, facts: Facts, now: datetime) -> Section:
    found = admission.statement
    waiting = admission.open_admission
    if waiting is not None and admission.standing is not Standing.IN_FORCE:
        statement = waiting.statement
        open_lines: tuple[Line, ...] = (
            (_("Proposed by"), _names(facts, [statement.proposer]), False),
            (_("Reason"), statement.reason, False),
            (
                _("Approved by"),
                _names(facts, waiting.approved_by) or _("nobody yet"),
                False,
            ),
            (_("Lapses"), wording.until(statement.proposal_lapses, now), False),
        )
        return Section(open_lines, link=Link(_("Open the proposal"), "approvals", waiting.digest))
    if found is None:
        return Section(text=_("No admission was ever in force."))
    statement = found.statement
    expires = statement.expires
    lines: tuple[Line, ...] = (
        (_("Statement"), wording.digest(statement.digest), True),
        (_("Proposed by"), _names(facts, [statement.proposer]), False),
        (_("Approved by"), _names(facts, sorted(found.approved_by)), False),
        (_("Reason"), statement.reason, False),
        (_("In force since"), f"{wording.moment(found.since)}", False),
        (_("Expires"), wording.until(expires, now) if expires else _("never"), False),
    )
    text = _("Log entry {index}").format(index=found.index)
    return Section(lines, link=Link(text, "log", str(found.index)))


def _policy(policy_id: str, facts: Facts, now: datetime) -> Section:
    if not policy_id:
        return Section(text=_("None: an admission names the policy."))
    if facts.seen is None:
        return Section(text=_("The log is not known yet."))
    found = facts.seen.state.in_force(Kind.POLICY, policy_id, now)
    if found is None or not isinstance(found.statement.body, Policy):
        return Section(text=_("“{policy}” is not in force.").format(policy=policy_id))
    policy = found.statement.body
    lines = (
        (_("Policy"), f"{policy_id} v{found.statement.version}", False),
        (_("Baselines"), ", ".join(policy.baselines), False),
        (_("Lease"), wording.age(policy.lease_seconds), False),
        (_("GPUs"), str(policy.gpu_count), False),
        (_("Workloads"), _some(policy.workloads), False),
        (_("Platforms"), _some(policy.platforms), False),
        (
            _("Accepts"),
            ", ".join(sorted(each.value for each in policy.accepted_caveats)) or _("no caveat"),
            False,
        ),
    )
    return Section(lines, link=Link(_("Open the policy"), "approvals", found.statement.digest))


def _some(values: Sequence[str] | frozenset[str] | None) -> str:
    if values is None:
        return _("any")
    shown = sorted(values)
    return ", ".join(each if len(each) < 40 else wording.digest(each) for each in shown)


def _node(node: Node, now: datetime) -> NodeLine:
    until = node.granted[1].until if node.granted else now
    left = wording.age((until - now).total_seconds())
    return NodeLine(
        node.name, node_look(node.state), _("lease {age} left").format(age=left), node.simulated
    )


def _nodes_text(held: Sequence[Node] | None, facts: Facts) -> str:
    if held is None:
        return (
            _("Not known yet.") if nodes_known(facts) else _("Unknown: the server is not reached.")
        )
    return "" if held else _("Nowhere: no node holds a lease for it.")


def _files(manifest: Manifest | None, error: str) -> Files:
    if manifest is None:
        return Files(text=error or _("Asking for the manifest."), retry=bool(error))
    return Files(
        tuple(
            FileLine(
                each.path,
                wording.size(each.size),
                wording.size(each.sealed_size),
                each.sealed_sha256,
            )
            for each in manifest.files
        )
    )


def _history(event: Event, now: datetime) -> HistoryLine:
    look = {
        EventKind.ADMITTED: Look(_("Admitted"), "ok", "badge-check"),
        EventKind.REVOKED: Look(_("Revoked"), "danger", "ban"),
        EventKind.WITHDRAWN: Look(_("Proposal withdrawn"), "unknown", "undo-2"),
        EventKind.GRANTED: Look(_("Key released"), "ok", "key-round"),
        EventKind.RENEWED: Look(_("Lease renewed"), "pending", "refresh-cw"),
        EventKind.REFUSED: Look(_("Refused"), "danger", "octagon-x"),
    }[event.kind]
    text = event.text
    if event.count > 1:
        text = _("{text}, the last of {count} renewals").format(text=text, count=f"{event.count:,}")
    return HistoryLine(
        event.index, look, text, wording.ago(event.time, now), wording.moment(event.time)
    )
