"""What an impact preview and the lint say, as machine checks: what it does, and what is unknown."""

from keyturn.policy.impact import Impact
from keyturn.policy.remarks import LintCode, LintRemark, error, note, warning
from keyturn_app.impact import Phase, Simulation, impact_view
from keyturn_app.screens.approvals.impactchecks import impact_checks
from keyturn_app.screens.approvals.outcome import Outcome
from keyturn_app.screens.approvals.previewing import Impacts
from unit.policy.test_preview import fleet


def said(
    impact: Impact | None,
    *remarks: LintRemark,
    why_not: str = "",
    phase: Phase = Phase.DONE,
    log: bool = True,
) -> list[tuple[Outcome, str, str]]:
    view = None if impact is None else impact_view(impact)
    found = Simulation(phase, impact=impact, view=view)
    impacts = Impacts(found, "", fresh=True, why_not=why_not, remarks=remarks if log else None)
    return [(each.outcome, each.text, each.found) for each in impact_checks(impacts)]


def test_other_kinds_have_none() -> None:
    assert impact_checks(None) == ()


def test_who_would_get_and_lose_keys_the_dangerous_direction_first() -> None:
    here = fleet()
    nodes = here.node(0), here.node(1, gpus=2)
    found = said(here.impact(here.policy(gpu={"count": 2}), *nodes))
    assert found[0] == (Outcome.WARNING, "1 node would newly get keys", "node-1")
    assert found[1] == (Outcome.WARNING, "1 node would lose keys", "node-0")
    assert (Outcome.MET, "Schema and lint passed", "") in found


def test_a_model_that_goes_dark_and_long_lists() -> None:
    here = fleet()
    nodes = [here.node(each) for each in range(7)]
    found = said(here.impact(here.policy(gpu={"count": 4}), *nodes))
    assert found[0][2] == "node-0, node-1, node-2, node-3, node-4, and 2 more"
    assert any("goes dark" in text for _, text, _ in found)


def test_nothing_would_change() -> None:
    here = fleet()
    found = said(here.impact(here.policy(lease_seconds=99), here.node(0)))
    assert found[0] == (Outcome.MET, "No node would get or lose keys", "")


def test_no_node_is_not_no_harm() -> None:
    found = said(fleet().impact(fleet().policy()))
    assert found[0][0] is Outcome.WARNING
    assert "No node has asked for a key yet" in found[0][1]


def test_unknown_is_said_as_unknown() -> None:
    assert said(None, why_not="An officer station has no evidence of nodes.", log=False) == [
        (
            Outcome.UNKNOWN,
            "Who would get or lose keys is not known. An officer station has no evidence of nodes.",
            "",
        ),
        (Outcome.UNKNOWN, "Lint needs what is in force, which is not known here", ""),
    ]
    assert said(None, phase=Phase.RUNNING)[0][0] is Outcome.UNKNOWN
    assert said(None, phase=Phase.CANCELLED)[0][0] is Outcome.UNKNOWN


def test_errors_of_the_lint_one_by_one_and_all_else_in_one() -> None:
    remarks = (
        error("baselines", LintCode.NOT_IN_FORCE, kind="baseline", subject="x", why="never was"),
        warning("workloads", LintCode.ANY_WORKLOAD),
        warning("", LintCode.ALL_CAVEATS),
        note("snp.vlek", LintCode.VLEK_ALLOWED),
    )
    _impact, wrong, odd = said(fleet().impact(fleet().policy()), *remarks)
    assert wrong == (Outcome.NOT_MET, "baselines: baseline 'x' is not in force: never was", "")
    assert odd[:2] == (Outcome.WARNING, "2 remarks of the lint")
    assert odd[2] == "workloads: accepts any workload; accepts every caveat"
