"""Every check of an examination as a tree: a branch for each device, what failed first. No Qt."""

import re
from collections.abc import Iterator, Sequence

from keyturn.attest.checks import Outcome
from keyturn.client.explaining import finding_document
from keyturn.policy.explaining import Source, source_of
from keyturn.policy.findings import Finding
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.fleet.branches import Branch, Detail
from keyturn_app.screens.fleet.details import outcome_look, sentence, statement_name

_DEVICE = re.compile(r"(cpu|gpu(?: \d+)?|switch(?:es)?(?: \d+)?|devices|tpm|collateral)(?:: | |\Z)")
_REST = "verdict"
_ICONS = {
    "cpu": "cpu",
    "gpu": "microchip",
    "switch": "network",
    "tpm": "fingerprint",
    "collateral": "file-check-2",
    "devices": "boxes",
    _REST: "scale",
}


def columns() -> tuple[str, ...]:
    return (_("Check"), _("Outcome"), _("Found"), _("Expected"), _("Set by"))


def checks(findings: Sequence[Finding], state: AuthorityState | None) -> tuple[Branch, ...]:
    """Branches with a failed check first, and within each the failed ones; else as done."""
    groups: dict[str, list[Finding]] = {}
    for each in findings:
        groups.setdefault(group_of(each.check), []).append(each)
    made = [_group(name, kept, state) for name, kept in groups.items()]
    failed = {name for name, kept in groups.items() if any(each.failed for each in kept)}
    names = list(groups)
    order = sorted(range(len(made)), key=lambda at: (names[at] not in failed, at))
    return tuple(made[at] for at in order)


def group_of(check: str) -> str:
    """The device that a check is about, as its name begins; else the verdict as a whole."""
    device = _DEVICE.match(check)
    return device.group(1) if device else _REST


def _group(name: str, findings: Sequence[Finding], state: AuthorityState | None) -> Branch:
    failed = sum(each.failed for each in findings)
    children = tuple(
        _leaf(each, f"check.{name}.{place}", name, state)
        for place, each in sorted(enumerate(findings), key=lambda pair: not pair[1].failed)
    )
    icon = _ICONS.get(name.partition(" ")[0], "server")
    return Branch(
        key=f"check.{name}",
        cells=(_title(name), _worst(findings), _count(findings), "", ""),
        icon="octagon-x" if failed else icon,
        token="danger" if failed else "text2",
        details=(Detail(_("Part"), _title(name)), Detail(_("Checks"), _count(findings))),
        children=children,
        document=[finding_document(each) for each in findings],
    )


def _worst(findings: Sequence[Finding]) -> str:
    """The outcome of all together: what was not measured does not make it met or not met."""
    if any(each.failed for each in findings):
        return _("not met")
    met = any(each.outcome is Outcome.MET for each in findings)
    return _("met") if met else _("not measured")


def _count(findings: Sequence[Finding]) -> str:
    failed = sum(each.failed for each in findings)
    unmeasured = sum(each.outcome is Outcome.NOT_MEASURED and not each.failed for each in findings)
    met = len(findings) - failed - unmeasured
    texts = []
    if failed:
        texts.append(n_("{count} not met", "{count} not met", failed))
    texts.append(n_("{count} met", "{count} met", met))
    if unmeasured:
        texts.append(n_("{count} not measured", "{count} not measured", unmeasured))
    return ", ".join(texts)


def _title(name: str) -> str:
    kind, _blank, number = name.partition(" ")
    known = {
        "cpu": _("CPU"),
        "gpu": _("GPU"),
        "switch": _("Switch"),
        "switches": _("Switches"),
        "devices": _("Devices together"),
        "tpm": _("TPM and boot log"),
        "collateral": _("Vendors' documents"),
        _REST: _("Request, policy and log"),
    }
    title = known.get(kind, kind)
    return f"{title} {number}" if number else _("GPUs") if kind == "gpu" else title


def _leaf(finding: Finding, key: str, group: str, state: AuthorityState | None) -> Branch:
    look = outcome_look(finding)
    bare = finding.check.removeprefix(f"{group}: ")
    source = source_of(finding.statement, state) if state is not None else None
    by = _by(finding, state)
    return Branch(
        key=key,
        cells=(sentence(bare), look.word, finding.found, finding.expected, by),
        icon=look.icon,
        token=look.token,
        details=tuple(_details(finding, look.word, by, source)),
        document=finding_document(finding),
    )


def _by(finding: Finding, state: AuthorityState | None) -> str:
    if finding.statement is None:
        return _("specification")
    return statement_name(finding.statement, state)


def _details(finding: Finding, word: str, by: str, source: Source | None) -> Iterator[Detail]:
    yield Detail(_("Check"), sentence(finding.check))
    yield Detail(_("Outcome"), word)
    if finding.found:
        yield Detail(_("Found"), finding.found, _digits(finding.found))
    if finding.expected:
        yield Detail(_("Expected"), finding.expected, _digits(finding.expected))
    if finding.reason:
        yield Detail(_("Reason"), finding.reason, mono=True)
    if finding.hint:
        yield Detail(_("What to do"), finding.hint)
    yield Detail(_("Set by"), by)
    if source is not None:
        yield from source_details(source)


def source_details(source: Source) -> Iterator[Detail]:
    """Who set an expectation, and since when."""
    names = ", ".join(each.name for each in source.approvers)
    yield Detail(_("Since"), wording.moment(source.since))
    yield Detail(_("Log entry"), str(source.index))
    yield Detail(_("Proposed by"), source.proposer_name)
    yield Detail(_("Approved by"), names or "—")
    if source.reason:
        yield Detail(_("Their reason"), source.reason)


def _digits(text: str) -> bool:
    return bool(re.match(r"[0-9a-f]{16}", text))
