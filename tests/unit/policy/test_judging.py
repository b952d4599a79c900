"""One node under everything in force: as the keyholder decides (§5.3), judged once for many."""

from dataclasses import replace

from keyturn.base.encoding import Digest
from keyturn.keyrelease.decision import ChallengeStanding, Refused, decide
from keyturn.policy.judging import Judging
from keyturn.policy.shown import Shown
from keyturn.quorum.policy_body import Caveat
from support.observednodes import observed
from unit.policy.test_preview import Fleet, fleet


def test_its_reasons_are_those_of_a_release() -> None:
    here = Fleet()
    here.desk.set_policy(gpu={"count": 2}, accepted_caveats=[])
    request = here.desk.request()
    evidence = here.desk.verified(request)
    refused = decide(request, evidence, here.state, ChallengeStanding.GOOD, None, here.desk.clock())
    assert isinstance(refused, Refused)
    assert evidence.cpu is not None

    caveats = frozenset(_caveats(refused))
    node = observed("n", request.model, Shown(evidence.cpu, evidence.gpus), here.now)
    node = replace(node, caveats=caveats)
    judged = Judging(here.state, here.now).judged(node)
    assert sorted(each.check for each in judged.failed) == sorted(
        each.check for each in refused.reasons
    )


def _caveats(refused: Refused) -> set[Caveat]:
    named = {each.value: each for each in Caveat}
    return {named[each.found] for each in refused.findings if each.check.startswith("caveat ")}


def test_nodes_alike_share_what_is_said_of_them() -> None:
    here = fleet()
    judging = Judging(here.state, here.now)
    one, two = (judging.judged(here.node(number)) for number in range(2))

    assert one.common is two.common
    assert one.own != two.own
    assert {each.check for each in one.own} >= {"platform", "devices: own nonces"}


def test_a_model_that_nobody_admitted() -> None:
    here = fleet()
    stranger = replace(here.node(0), model=Digest("sha256:" + "4" * 64))
    failed = Judging(here.state, here.now).judged(stranger).failed
    assert [each.reason for each in failed] == ["model-not-in-force"]
