"""The drawer: one node, why it is in its state, and every check behind it. No Qt.

The checks are those of `KeyturnClient.examine`: made again here, of the evidence in the log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.checks import Outcome
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.examination import Basis, Examination
from keyturn.client.inventory import (
    FORGOTTEN_SECONDS,
    STALE_SECONDS,
    Node,
    NodeState,
    standing,
)
from keyturn.policy.findings import Finding
from keyturn.quorum.state import AuthorityState, InForce
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.fleet.revoking import Offer, standing_revocation
from keyturn_app.screens.fleet.rows import NOWHERE, Row
from keyturn_app.statements.caveats import meaning
from keyturn_app.states import Look, node_look


@dataclass(frozen=True, slots=True)
class CheckView:
    """`outcome` in words stands beside its shape; `lines` say found, expected and who says so."""

    title: str
    outcome: str
    token: str
    icon: str
    lines: tuple[str, ...]
    hint: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of the identity. `copied`: what the copy button gives, if there is one."""

    label: str
    value: str
    copied: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class LeaseView:
    text: str
    fraction: float  # of it that is left; 0 to 1


@dataclass(frozen=True, slots=True)
class DrawerView:
    """`checks_note` says what the checks rest on, or that they are being made; `trouble`: that
    they could not be."""

    name: str
    look: Look
    age: str
    why: str
    simulated: bool
    checks: tuple[CheckView, ...]
    checks_note: str
    trouble: str
    loading: bool
    identity: tuple[Fact, ...]
    lease: LeaseView | None
    caveats: tuple[tuple[str, str], ...]
    entry: int | None
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of the selected node."""

    node: Node
    row: Row
    state: NodeState
    unknown_for: str  # why nothing is known of any node; empty while it is
    authority: AuthorityState | None
    examination: Examination | None = None
    error: KeyturnError | None = None
    loading: bool = False
    offers: tuple[Offer, ...] = ()

    @property
    def newest(self) -> int | None:
        """The index of the node's newest grant or refusal."""
        known = [each[0] for each in (self.node.granted, self.node.refused) if each]
        return max(known, default=None)


def drawer(case: Case, now: datetime) -> DrawerView:
    found = case.examination
    checks = () if found is None else found.checks
    return DrawerView(
        name=case.node.name,
        look=node_look(case.state),
        age=_age(case, now),
        why=why(case, now),
        simulated=case.node.simulated,
        checks=tuple(_check(each, case.authority) for each in _failed_first(checks)),
        checks_note=_note(case),
        trouble="" if case.error is None else wording.error_text(case.error),
        loading=case.loading,
        identity=tuple(_identity(case, now)),
        lease=_lease(case, now),
        caveats=tuple((each, meaning(each)) for each in case.row.caveats),
        entry=case.newest,
        offers=case.offers,
    )


# ---- why ----


def why(case: Case, now: datetime) -> str:
    """Why the node is in its state, in a sentence or two."""
    if case.unknown_for:
        was = node_look(case.node.state).word
        text = _("Nothing is known now: {why}. Before that it was {was}.")
        return text.format(why=case.unknown_for, was=was)
    return {
        NodeState.ATTESTED: _why_attested,
        NodeState.STALE: _why_stale,
        NodeState.PENDING: _why_pending,
        NodeState.REFUSED: _why_refused,
        NodeState.QUARANTINED: _why_quarantined,
        NodeState.WIPED: _why_wiped,
        NodeState.UNKNOWN: _why_unknown,
    }[case.state](case, now)


def _why_attested(case: Case, now: datetime) -> str:
    text = _("Its evidence met every check of {policy}, and it was heard {ago} ago.")
    return text.format(policy=_policy(case), ago=_silence(case, now))


def _why_stale(case: Case, now: datetime) -> str:
    text = _("It was attested, but has been silent for {age}: longer than {limit} s.")
    return text.format(age=_silence(case, now), limit=STALE_SECONDS)


def _why_pending(_case: Case, _now: datetime) -> str:
    return _("It has shown no evidence that the log has a verdict on. It holds no key.")


def _why_refused(case: Case, _now: datetime) -> str:
    failed = () if case.examination is None else case.examination.failed
    after = _("It gets no key until it passes.")
    if failed:
        first = failed[0]
        text = _("{check}: found {found}, expected {expected}.").format(
            check=sentence(first.check),
            found=_short(first.found),
            expected=_short(first.expected),
        )
        more = len(failed) - 1
        others = n_("{count} more check failed.", "{count} more checks failed.", more)
        return " ".join((text, *((others,) if more else ()), after))
    reasons = case.node.refused[1].reasons if case.node.refused else ()
    if reasons:
        listed = ", ".join(reasons[:3])
        return _("The log refused its key for: {reasons}.").format(reasons=listed) + f" {after}"
    return _("Its key was refused.") + f" {after}"


def _why_quarantined(case: Case, _now: datetime) -> str:
    found = standing_revocation(case.node, case.authority)
    if found is None:
        return _("The server says that it is revoked; the log here does not say so yet.")
    target, revocation = found
    return _("{target} was revoked by a quorum at {time} (log entry {index}): {reason}").format(
        target=target,
        time=wording.moment(revocation.since),
        index=revocation.index,
        reason=revocation.statement.reason,
    )


def _why_wiped(case: Case, _now: datetime) -> str:
    text = _("It reports that weights and keys are erased. Nothing is served there.")
    if case.node.time_to_wipe_ms is None:
        return text
    return f"{text} {_('It took {ms} ms.').format(ms=case.node.time_to_wipe_ms)}"


def _why_unknown(case: Case, now: datetime) -> str:
    granted = case.node.granted
    if granted is not None and granted[1].until <= now:
        return _("Its lease ended {ago}, and the log has no renewal.").format(
            ago=wording.ago(granted[1].until, now)
        )
    if granted is None:
        return _("The server names a state that the log does not bear out: no grant is there.")
    text = _("It has been silent for {age}; after {limit} s nothing is known.")
    return text.format(age=_silence(case, now), limit=FORGOTTEN_SECONDS)


def _age(case: Case, now: datetime) -> str:
    """Beside the state, as every state has one (I10)."""
    age = standing(case.node, now)[1]
    if age is None:
        return _("never heard")
    return _("heard {age} ago").format(age=wording.age(age))


def _silence(case: Case, now: datetime) -> str:
    return wording.age(standing(case.node, now)[1] or 0)


def _policy(case: Case) -> str:
    return _("its policy") if case.row.policy == NOWHERE else case.row.policy


# ---- checks ----


def _failed_first(checks: tuple[Finding, ...]) -> list[Finding]:
    order = {Outcome.NOT_MET: 0, Outcome.MET: 1, Outcome.NOT_MEASURED: 2}
    return sorted(checks, key=lambda each: 0 if each.failed else order[each.outcome])


def outcome_look(finding: Finding) -> Look:
    """A check's outcome; what had to be measured and was not has failed, and looks so (I6)."""
    look = {
        Outcome.MET: Look(_("met"), "ok", "circle-check"),
        Outcome.NOT_MET: Look(_("not met"), "danger", "octagon-x"),
        Outcome.NOT_MEASURED: Look(_("not measured"), "unknown", "circle-slash"),
    }[finding.outcome]
    return Look(look.word, "danger", "octagon-x") if finding.failed else look


def _check(finding: Finding, authority: AuthorityState | None) -> CheckView:
    look = outcome_look(finding)
    return CheckView(
        sentence(finding.check),
        look.word,
        look.token,
        look.icon,
        tuple(_lines(finding, authority)),
        finding.hint or "",
        finding.failed,
    )


def _lines(finding: Finding, authority: AuthorityState | None) -> Iterator[str]:
    same = finding.outcome is Outcome.MET and finding.found == finding.expected
    if finding.found:
        yield _("found {found}").format(found=_short(finding.found))
    if finding.expected:
        expected = _("the same") if same else _short(finding.expected)
        yield _("expected {expected}").format(expected=expected)
    if finding.statement is not None:
        yield _("by {statement}").format(statement=statement_name(finding.statement, authority))


def statement_name(digest: Digest, authority: AuthorityState | None) -> str:
    """Like `policy serving v2`; the digest of what is not known."""
    known: InForce | None = None if authority is None else authority.by_digest.get(digest)
    if known is None:
        return wording.digest(digest)
    statement = known.statement
    subject = statement.subject
    named = subject if ":" not in subject else wording.digest(subject)
    return f"{statement.kind.value} {named} v{statement.version}"


_SHORT_WORDS = {"cpu", "gpu", "snp", "smt", "tls", "dek", "vbios", "tcb"}


def _short(text: str) -> str:
    """Long hexadecimal values by their ends; the whole one is copied from the identity."""
    words = (w if len(w) <= 40 else f"{w[:16]}…{w[-8:]}" for w in text.split(" "))
    return " ".join(words)


def sentence(check: str) -> str:
    """A check's name as a sentence begins."""
    first, blank, rest = check.partition(" ")
    short = first.rstrip(":").lower() in _SHORT_WORDS
    return f"{first.upper() if short else first[:1].upper() + first[1:]}{blank}{rest}"


def _note(case: Case) -> str:
    if case.loading and case.examination is None:
        return _("Verifying its evidence here…")
    found = case.examination
    if found is None:
        return "" if case.error else _("There is no evidence to check.")
    when = wording.moment(found.time)
    if found.basis is Basis.NOT_KEPT:
        return _("Log entry {index}, {when}. The server has not kept the evidence.").format(
            index=found.index, when=when
        )
    return _("Log entry {index}, {when}. Verified here.").format(index=found.index, when=when)


# ---- identity, lease ----


def _identity(case: Case, now: datetime) -> Iterator[Fact]:
    row, found = case.row, case.examination
    yield Fact(_("Model"), row.model)
    yield Fact(_("Policy"), row.policy)
    yield Fact(_("Site, rack"), f"{row.site} · {row.rack}" if row.rack != NOWHERE else row.site)
    if found is not None and found.identity is not None:
        yield from _proved(found)
    platform = row.platform
    yield Fact(_("Platform"), _ends(platform), "" if platform == NOWHERE else platform, mono=True)
    if found is not None:
        yield Fact(_("Evidence"), _ends(found.evidence), found.evidence, mono=True)
    if case.node.granted is not None:
        index, grant = case.node.granted
        when = row.attested
        text = _("log entry {index}").format(index=index)
        if when is not None:
            text = _("{age} ago, {entry}").format(
                age=wording.age(now.timestamp() - when), entry=text
            )
        yield Fact(_("Last granted"), text)
        yield Fact(_("TLS key"), _ends(grant.tls), grant.tls, mono=True)


def _proved(found: Examination) -> Iterator[Fact]:
    """What the vendors' signatures prove."""
    identity = found.identity
    if identity is None:
        return
    yield Fact(_("CPU"), identity.product)
    good, shown = len(identity.gpus), identity.gpus_shown
    if shown:
        first = identity.gpus[0] if identity.gpus else None
        what = first.architecture if first else _("GPU")
        yield Fact(
            _("GPU"), _("{what}, {good} of {shown}").format(what=what, good=good, shown=shown)
        )
        if first is not None:
            yield Fact(_("Driver, VBIOS"), f"{first.driver} · {first.vbios}")
            yield Fact(_("Device"), _ends(first.device_id), first.device_id, mono=True)
    measurement, workload = identity.measurement, identity.workload
    yield Fact(_("Measurement"), _ends(measurement), measurement, mono=True)
    yield Fact(_("Workload"), _ends(workload), workload, mono=True)
    if identity.agent:
        yield Fact(_("Agent says"), identity.agent)


def _ends(value: str) -> str:
    bare = value.rpartition(":")[2]
    return value if len(value) <= 22 else f"{bare[:10]}…{bare[-8:]}"


def _lease(case: Case, now: datetime) -> LeaseView | None:
    if case.node.granted is None:
        return None
    grant, attested = case.node.granted[1], case.row.attested
    left = (grant.until - now).total_seconds()
    ended = {NodeState.WIPED, NodeState.REFUSED, NodeState.QUARANTINED}
    if case.state in ended:
        return None
    if left <= 0:
        return LeaseView(_("ended {ago}").format(ago=wording.ago(grant.until, now)), 0.0)
    whole = grant.until.timestamp() - attested if attested is not None else left
    text = _("ends in {left}, at {time}").format(
        left=_countdown(left), time=f"{grant.until:%H:%M:%S} UTC"
    )
    return LeaseView(text, max(0.0, min(1.0, left / whole)) if whole > 0 else 0.0)


def _countdown(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"
