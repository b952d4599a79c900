"""Machine checks of what an impact preview and the lint say. No Qt."""

from collections.abc import Iterator, Sequence

from keyturn.policy.impact import Group, Impact
from keyturn.policy.remarks import LintRemark, Severity
from keyturn_app.i18n import _, n_
from keyturn_app.impact import model_name
from keyturn_app.screens.approvals.outcome import Check, met, not_met, unknown, warning
from keyturn_app.screens.approvals.previewing import Impacts
from keyturn_app.statements.lettering import visible
from keyturn_app.statements.lintwords import lint_words

_NAMED = 5


def impact_checks(impacts: Impacts | None) -> tuple[Check, ...]:
    """Nothing for kinds without a preview, and for what is decided."""
    if impacts is None:
        return ()
    return (*_impact(impacts), *_lint(impacts.remarks))


def _impact(impacts: Impacts) -> Iterator[Check]:
    impact = impacts.simulation.impact
    if impacts.why_not:
        yield unknown(
            _("Who would get or lose keys is not known. {why}").format(why=impacts.why_not)
        )
    elif impacts.simulation.running and impact is None:
        yield unknown(_("Who would get or lose keys is being simulated"))
    elif impact is None:
        yield unknown(_("Who would get or lose keys is not known: nothing was simulated"))
    else:
        yield from _outcome(impact)


def _outcome(impact: Impact) -> Iterator[Check]:
    newly, loses = impact.of(Group.NEWLY), impact.of(Group.LOSES)
    if newly:
        text = n_(
            "{count} node would newly get keys", "{count} nodes would newly get keys", len(newly)
        )
        yield warning(text, _names(each.node for each in newly))
    if loses:
        text = n_("{count} node would lose keys", "{count} nodes would lose keys", len(loses))
        yield warning(text, _names(each.node for each in loses))
    for each in impact.models:
        if each.goes_dark:
            yield warning(
                _("{model} goes dark: no node would serve it").format(
                    model=visible(model_name(each))
                )
            )
    unmeasured = impact.of(Group.UNMEASURED)
    if unmeasured:
        text = n_(
            "{count} node is not measurable", "{count} nodes are not measurable", len(unmeasured)
        )
        yield warning(text, _names(each.node for each in unmeasured))
    elif not impact.nodes:
        yield warning(_("No node has asked for a key yet: there is no evidence to simulate with"))
    elif not (newly or loses):
        yield met(_("No node would get or lose keys"))


def _lint(remarks: Sequence[LintRemark] | None) -> Iterator[Check]:
    """Errors one by one; all else in one line, since cautions say much of it as well."""
    if remarks is None:
        yield unknown(_("Lint needs what is in force, which is not known here"))
        return
    yield from (not_met(_said(each)) for each in remarks if each.severity is Severity.ERROR)
    odd = [_said(each) for each in remarks if each.severity is Severity.WARNING]
    if odd:
        text = n_("{count} remark of the lint", "{count} remarks of the lint", len(odd))
        yield warning(text, "; ".join(dict.fromkeys(odd)))
    elif not any(each.severity is Severity.ERROR for each in remarks):
        yield met(_("Schema and lint passed"))


def _said(remark: LintRemark) -> str:
    words = visible(lint_words(remark))
    if not remark.place:
        return words
    return _("{place}: {what}").format(place=visible(remark.place), what=words)


def _names(nodes: Iterator[str]) -> str:
    """The first few, each once."""
    names = list(dict.fromkeys(visible(each) for each in nodes))
    left = len(names) - _NAMED
    if left > 0:
        names[_NAMED:] = [n_("and {count} more", "and {count} more", left)]
    return ", ".join(names)
