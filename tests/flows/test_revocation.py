"""Revoked: the next release and the next renewal are refused, until it is undone as §2.6 says."""

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind, TargetKind
from support.authority import policy_body
from support.ready import Ready
from support.system import System, admission_body, baseline_body, model_digest, reasons

Body = dict[str, object]


def revoke(system: System, kind: TargetKind, target: str) -> str:
    """In force by one officer alone; the statement's digest."""
    body: Body = {"target_kind": kind.value, "target": target}
    subject = f"{kind.value}:{target}"
    system.enact(Kind.REVOCATION, subject, body)
    return system.keyholder.journal.state.newest[(Kind.REVOCATION, subject)].statement.digest


def chip(ready: Ready) -> str:
    return f"amd-genoa-{ready.node.sim.launch.chip_id.hex()}"


TARGETS: dict[TargetKind, Callable[[Ready], str]] = {
    TargetKind.NODE: lambda ready: ready.node.name,
    TargetKind.PLATFORM: chip,
    TargetKind.MEASUREMENT: lambda ready: ready.node.sim.launch.measurement.hex(),
    TargetKind.MODEL: lambda ready: model_digest(ready.model),
    TargetKind.POLICY: lambda _: "serving",
}


@pytest.mark.parametrize("kind", TARGETS, ids=lambda kind: kind.value)
def test_the_next_release_and_renewal_name_the_revocation(ready: Ready, kind: TargetKind) -> None:
    lease = ready.opened()[0].grant.lease
    assert ready.ask(lease=lease).granted
    grants = len(ready.entries("grant"))

    statement = revoke(ready.system, kind, TARGETS[kind](ready))

    for outcome in (ready.ask(), ready.ask(lease=lease)):
        assert reasons(outcome) == {"revoked"}
        assert [each["statement"] for each in ready.shown(outcome)] == [statement]
    assert len(ready.entries("grant")) == grants


@pytest.mark.parametrize("kind", TARGETS, ids=lambda kind: kind.value)
def test_a_revocation_survives_a_restart(ready: Ready, kind: TargetKind) -> None:
    revoke(ready.system, kind, TARGETS[kind](ready))
    ready.system.restart()

    assert reasons(ready.ask()) == {"revoked"}


def test_a_revoked_gpu_is_refused_on_any_host(ready: Ready) -> None:
    boot_rom = load_der_x509_certificate(ready.node.sim.gpus[0].chain[1]).public_key()
    spki = boot_rom.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    revoke(ready.system, TargetKind.PLATFORM, f"nvidia-gh100-{hashlib.sha256(spki).hexdigest()}")

    assert reasons(ready.ask()) == {"revoked"}
    other = ready.system.sim_node()
    assert ready.ask(sim=other).granted


def test_others_go_on(ready: Ready) -> None:
    """What a revocation does not name, it does not touch."""
    revoke(ready.system, TargetKind.NODE, "somebody-else")
    revoke(ready.system, TargetKind.PLATFORM, "amd-genoa-" + "00" * 64)
    revoke(ready.system, TargetKind.MEASUREMENT, "00" * 48)
    revoke(ready.system, TargetKind.MODEL, "sha256:" + "00" * 32)
    revoke(ready.system, TargetKind.POLICY, "another")

    assert ready.ask().granted


def test_one_officer_is_enough_to_revoke_but_an_outsider_is_not(ready: Ready) -> None:
    system = ready.system
    body: Body = {"target_kind": "node", "target": ready.node.name}
    proposal = system.authority.propose(Kind.REVOCATION, "node:node-1", body)

    with pytest.raises(SubmissionRefused) as refused:
        system.submit(proposal)
    assert refused.value.reason is SubmissionReason.TOO_FEW_APPROVALS
    assert ready.ask().granted

    proposal.approvals.append(system.authority.approval(proposal.digest, "ada"))
    system.submit(proposal)
    assert reasons(ready.ask()) == {"revoked"}


# ---- reinstated, by a quorum, as each kind allows ----


def test_a_model_is_reinstated_by_its_admission_anew(ready: Ready) -> None:
    revoke(ready.system, TargetKind.MODEL, model_digest(ready.model))
    ready.system.clock.advance(seconds=1)

    wrapped = ready.system.admit(ready.model).wrapped

    assert ready.ask(wrapped=wrapped).granted


def test_a_policy_is_reinstated_by_its_next_version(ready: Ready) -> None:
    revoke(ready.system, TargetKind.POLICY, "serving")
    ready.system.clock.advance(seconds=1)
    ready.system.set_policy()

    assert ready.ask().granted


def test_a_measurement_is_reinstated_by_a_baseline_that_names_it(ready: Ready) -> None:
    system, sim = ready.system, ready.node.sim
    revoke(system, TargetKind.MEASUREMENT, sim.launch.measurement.hex())
    system.clock.advance(seconds=1)
    other = baseline_body(sim.with_firmware(b"\xee" * 48))
    system.enact(Kind.REFERENCE_VALUES, "another", other)
    assert reasons(ready.ask()) == {"revoked"}

    system.set_baseline(sim)
    assert ready.ask().granted


def test_a_platform_is_reinstated_by_a_list_that_names_it(ready: Ready) -> None:
    system = ready.system
    revoke(system, TargetKind.PLATFORM, chip(ready))
    system.clock.advance(seconds=1)
    body: Body = {"platforms": [{"id": chip(ready), "site": "Frankfurt", "note": "repaired"}]}
    system.enact(Kind.PLATFORMS, "eu", body)

    assert ready.ask().granted


def test_a_nodes_name_is_never_reinstated(ready: Ready) -> None:
    system = ready.system
    revoke(system, TargetKind.NODE, ready.node.name)
    system.clock.advance(seconds=1)
    system.admit(ready.model)
    system.set_policy()
    system.set_baseline(ready.node.sim)

    assert reasons(ready.ask()) == {"revoked"}
    ready.node.name = "node-2"
    assert ready.ask().granted


def test_what_was_approved_before_a_revocation_does_not_undo_it(ready: Ready) -> None:
    """Somebody held an approved policy back, to hand it in afterwards."""
    system = ready.system
    kept = system.authority.approved(Kind.POLICY, "serving", policy_body())
    system.clock.advance(seconds=1)
    revoke(system, TargetKind.POLICY, "serving")

    system.submit(kept)
    system.authority.entered(Kind.POLICY, "serving", kept)
    assert reasons(ready.ask()) == {"revoked"}

    system.clock.advance(seconds=1)
    system.set_policy()
    assert ready.ask().granted


def test_revoked_again_after_it_was_reinstated(ready: Ready) -> None:
    system = ready.system
    for _ in range(2):
        revoke(system, TargetKind.POLICY, "serving")
        assert reasons(ready.ask()) == {"revoked"}
        system.clock.advance(seconds=1)
        system.set_policy()
        assert ready.ask().granted


def test_a_model_can_be_revoked_before_it_is_admitted(ready: Ready) -> None:
    """Nothing of it is in force; only an admission proposed afterwards changes that."""
    system = ready.system
    body = admission_body(ready.model)
    held = system.authority.approved(Kind.MODEL, str(body["model"]), body)
    system.clock.advance(seconds=1)
    revoke(system, TargetKind.MODEL, model_digest(ready.model))

    wrapped = system.submit(held, system.key_file(ready.model)).wrapped

    assert reasons(ready.ask(wrapped=wrapped)) == {"revoked"}
