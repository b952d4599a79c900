"""Which rules stand for a model, and what stands against a node (our protocol §5.3)."""

from keyturn.policy.choosing import caveat_findings, choose, revocation_findings
from keyturn.policy.findings import failing
from keyturn.policy.shown import Shown
from keyturn.quorum.entries import CeremonyEntry, ceremony_entry
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from unit.keyrelease.release_desk import Desk


def test_a_model_leads_to_its_policy_and_to_all_that_this_names() -> None:
    desk = Desk()
    chosen = choose(desk.digest, desk.log.state, desk.clock())

    assert chosen.rules is not None
    assert set(chosen.rules.baselines) == {"firmware"}
    assert not failing(chosen.findings)
    assert chosen.rules.policy_digest in chosen.statements


def test_what_is_not_in_force_is_a_failed_finding_and_not_a_missing_one() -> None:
    desk = Desk()
    desk.set_policy(baselines=["firmware", "nothing"])
    chosen = choose(desk.digest, desk.log.state, desk.clock())

    (failed,) = failing(chosen.findings)
    assert failed.reason == "reference-values-not-in-force"


def test_a_revoked_node_is_found_by_its_name() -> None:
    desk = Desk()
    evidence = desk.verified(desk.request())
    assert evidence.cpu is not None
    shown = Shown(evidence.cpu, evidence.gpus)
    assert not failing(revocation_findings("node-1", shown, desk.log.state))

    desk.log.revoke("node", "node-1")
    (failed,) = failing(revocation_findings("node-1", shown, desk.log.state))
    assert (failed.check, failed.reason) == ("node not revoked", "revoked")


def test_a_caveat_has_to_be_accepted_by_name() -> None:
    desk = Desk()
    desk.set_policy(accepted_caveats=[Caveat.SIMULATED.value])
    rules = choose(desk.digest, desk.log.state, desk.clock()).rules
    assert rules is not None

    owed = {Caveat.SIMULATED, Caveat.NO_WITNESS}
    assert [each.found for each in failing(caveat_findings(owed, rules))] == ["no-witness"]
    assert rules.policy_digest == desk.log.state.newest[(Kind.POLICY, "serving")].statement.digest


def test_a_model_whose_key_was_destroyed_leads_to_nothing() -> None:
    desk = Desk()
    entry = CeremonyEntry(
        "kd-1", "model-key-destruction", 0, "done", desk.log.put(b"record"), desk.digest
    )
    desk.log.append(ceremony_entry(desk.clock(), entry))
    chosen = choose(desk.digest, desk.log.state, desk.clock())
    (failed,) = failing(chosen.findings)
    assert (chosen.rules, failed.reason) == (None, "model-key-destroyed")
