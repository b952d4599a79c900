"""A key is released to the node that proves itself, and to no other (I2)."""

from dataclasses import replace

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.keyrelease.answer import check_answer, open_dek
from keyturn.keyrelease.binding import Purpose, compute_core
from keyturn.keyrelease.errors import AnswerRejected
from keyturn.keyrelease.grant import parse_answer
from keyturn.keyrelease.request import NodeClaims, build_request, parse_request
from keyturn.quorum.kinds import Kind
from keyturn_sim.node import Fault
from support.authority import policy_body
from support.hsmtoken import make_model
from support.nodes import Node, NodeSecrets
from support.ready import Ready
from support.system import model_digest, reasons


def test_an_attested_node_gets_the_very_key(ready: Ready) -> None:
    checked, dek = ready.opened()

    assert bytes(dek) == ready.model.dek
    assert checked.entry.node == "node-1"
    assert "simulated" in checked.entry.caveats
    assert checked.ear.simulated


def test_wrong_firmware_is_refused_with_what_was_expected_by_whom(ready: Ready) -> None:
    wrong = ready.node.sim.with_firmware(b"\xee" * 48)
    outcome = ready.ask(sim=wrong)

    assert reasons(outcome) == {"measurement-mismatch"}
    (reason,) = ready.shown(outcome)
    assert reason["found"] == "ee" * 48
    assert ready.node.sim.launch.measurement.hex() in str(reason["expected"])
    assert reason["statement"] == ready.in_force(Kind.REFERENCE_VALUES, "firmware")
    assert "baseline" in str(reason["hint"])
    assert ready.ask().granted  # the one change undone


def test_a_debuggable_guest_is_refused(ready: Ready) -> None:
    outcome = ready.ask(sim=ready.node.sim.with_debug())

    assert reasons(outcome) == {"debug-allowed-by-guest-policy"}
    assert ready.ask().granted


def test_a_changed_gpu_measurement_is_refused(ready: Ready) -> None:
    outcome = ready.ask(sim=ready.node.sim.with_gpu_measurement(0, 3, b"\xee" * 48))

    assert reasons(outcome) == {"measurement-mismatch"}
    assert ready.ask().granted


def test_a_missing_gpu_is_refused(ready: Ready) -> None:
    outcome = ready.ask(sim=replace(ready.node.sim, gpus=()))

    assert reasons(outcome) == {"gpu-count"}


def test_one_gpu_shown_twice_is_refused(ready: Ready) -> None:
    ready.system.set_policy(gpu={"count": 2})
    gpu = ready.node.sim.gpus[0]

    outcome = ready.ask(sim=replace(ready.node.sim, gpus=(gpu, gpu)))

    assert reasons(outcome) == {"duplicate-device"}


def test_a_replayed_request_is_refused(ready: Ready) -> None:
    raw = ready.request()
    assert ready.release(raw).granted

    assert reasons(ready.release(raw)) == {"challenge-spent"}
    assert ready.ask().granted


def test_a_challenge_of_before_a_restart_is_refused(ready: Ready) -> None:
    raw = ready.request()
    ready.system.restart()

    assert reasons(ready.release(raw)) == {"challenge-forged"}
    assert ready.ask().granted


def test_a_challenge_lives_two_minutes(ready: Ready) -> None:
    raw, other = ready.request(), ready.request()
    ready.system.clock.advance(seconds=120)
    assert ready.release(raw).granted
    ready.system.clock.advance(seconds=1)

    assert reasons(ready.release(other)) == {"challenge-stale"}


def test_a_forged_challenge_is_refused(ready: Ready) -> None:
    raw = ready.node.request(bytes(56), model_digest(ready.model))

    assert reasons(ready.release(raw)) == {"challenge-forged"}


def test_evidence_bound_to_another_key_is_refused(ready: Ready) -> None:
    """A relay: genuine evidence of a good node, with the attacker's keys in the request."""
    victim = parse_request(ready.request())
    stolen = build_request(
        Purpose.RELEASE,
        victim.challenge,
        victim.model,
        NodeSecrets().public(Purpose.RELEASE),
        victim.claims,
        victim.evidence,
    )

    assert reasons(ready.release(stolen)) == {"report-data-mismatch", "nonce-mismatch"}
    assert ready.ask().granted


def test_evidence_for_other_claims_is_refused(ready: Ready) -> None:
    honest = parse_request(ready.request())
    renamed = build_request(
        Purpose.RELEASE,
        honest.challenge,
        honest.model,
        honest.keys,
        NodeClaims.make("somebody-else", "test", None, ()),
        honest.evidence,
    )

    assert "report-data-mismatch" in reasons(ready.release(renamed))


def test_a_gpu_report_exchanged_on_the_way_is_refused(ready: Ready) -> None:
    """A second GPU signs the same nonce; the CPU's report names the first one's evidence."""
    request = parse_request(ready.request())
    other = ready.system.sim_node()
    core = request.core
    swapped = Node(other, ready.node.secrets).evidence(core).gpus
    evidence = replace(request.evidence, gpus=swapped)
    raw = build_request(
        request.purpose, request.challenge, request.model, request.keys, request.claims, evidence
    )

    assert reasons(ready.release(raw)) == {"report-data-mismatch"}


def test_a_device_that_answers_another_nonce_is_refused(ready: Ready) -> None:
    outcome = ready.ask(sim=ready.node.sim.misbehaving(Fault.OTHER_NONCE))

    assert reasons(outcome) == {"nonce-mismatch"}


def test_a_certificate_with_a_number_too_long_to_write_is_refused(ready: Ready) -> None:
    """Nothing of it is signed by anybody: it must be a refusal like any other, and no fault."""
    request = parse_request(ready.request())
    arc = element(0x06, b"\x2a" + b"\xff" * 2100 + b"\x7f")
    name = element(0x30, element(0x31, element(0x30, arc + element(0x0C, b"x"))))
    algorithm = element(0x30, element(0x06, bytes.fromhex("2a864886f70d01010a")))
    dates = element(0x30, element(0x17, b"200101000000Z") * 2)
    head = element(0xA0, element(2, b"\x02")) + element(2, b"\x01") + algorithm
    body = element(0x30, head + name + dates + name + element(0x30, b""))
    root = element(0x30, body + algorithm + element(3, b"\x00"))
    evidence = replace(request.evidence, cpu=replace(request.evidence.cpu, root=root))
    raw = build_request(
        request.purpose, request.challenge, request.model, request.keys, request.claims, evidence
    )

    assert "malformed" in reasons(ready.release(raw))
    assert ready.ask().granted


def test_a_policy_names_platforms_and_others_are_refused(ready: Ready) -> None:
    chip = ready.node.sim.launch.chip_id.hex()
    ready.system.enact(Kind.PLATFORMS, "eu", platforms_body(f"amd-genoa-{'00' * 64}"))
    ready.system.set_policy(platforms=["eu"])
    assert reasons(ready.ask()) == {"platform-not-allowed"}

    ready.system.enact(Kind.PLATFORMS, "eu", platforms_body(f"amd-genoa-{chip}"))
    assert ready.ask().granted


def test_a_policy_names_workloads_and_others_are_refused(ready: Ready) -> None:
    ready.system.set_policy(workloads=["ff" * 32])
    assert reasons(ready.ask()) == {"workload-not-allowed"}

    ready.system.set_policy(workloads=[ready.node.sim.launch.host_data.hex()])
    assert ready.ask().granted


def test_every_caveat_must_be_accepted_by_name(ready: Ready) -> None:
    accepted = [c for c in policy_body()["accepted_caveats"] if c != "no-witness"]  # type: ignore[attr-defined]
    ready.system.set_policy(accepted_caveats=accepted)
    assert reasons(ready.ask()) == {"caveat-not-accepted"}

    ready.system.set_policy()
    assert ready.ask().granted


def test_a_refusal_lists_every_reason(ready: Ready) -> None:
    ready.system.set_policy(workloads=["ff" * 32], gpu={"count": 3})
    wrong = ready.node.sim.with_firmware(b"\xee" * 48).with_debug()

    assert reasons(ready.ask(sim=wrong)) == {
        "workload-not-allowed",
        "gpu-count",
        "measurement-mismatch",
        "debug-allowed-by-guest-policy",
    }


def test_without_admission_nothing_is_released(ready: Ready) -> None:
    stranger = make_model()

    outcome = ready.system.ask(ready.node, stranger, ready.wrapped)

    assert reasons(outcome) == {"model-not-in-force"}


def test_another_models_wrapped_dek_in_this_models_row(ready: Ready) -> None:
    """The database's administrator swaps two rows: the HSM finds that the tag does not fit."""
    other = make_model()
    swapped = ready.system.admit(other).wrapped

    assert reasons(ready.ask(wrapped=swapped)) == {"wrapped-dek-of-another-model"}
    assert ready.ask().granted


@pytest.mark.parametrize("wrapped", [b"", bytes(40), b"\xff" * 39])
def test_a_spoilt_wrapped_dek_is_refused(ready: Ready, wrapped: bytes) -> None:
    assert reasons(ready.ask(wrapped=wrapped)) == {"wrapped-dek-does-not-open"}
    assert ready.ask().granted


def test_a_lost_wrapped_dek_is_refused_before_anything_is_granted(ready: Ready) -> None:
    before = ready.entries("grant")

    assert reasons(ready.ask(wrapped=None)) == {"no-wrapped-dek"}
    assert ready.entries("grant") == before


def test_a_grant_is_logged_before_the_hsm_is_asked(ready: Ready) -> None:
    """The HSM's order names an index and an entry that the disk already has."""
    seen = []
    release = ready.system.hsm.release

    def watching(wrapped: bytes, order: object) -> object:
        index = order.log_index  # type: ignore[attr-defined]
        seen.append(ready.system.keyholder.journal.log.leaf(index))
        return release(wrapped, order)  # type: ignore[arg-type]

    ready.system.hsm.release = watching  # type: ignore[method-assign,assignment]
    assert ready.ask().granted

    (leaf,) = seen
    assert b'"kind":"grant"' in leaf


def test_another_models_grant_does_not_open(ready: Ready) -> None:
    other = make_model()
    ready.system.admit(other)
    raw = ready.request()
    answer = parse_answer(dump(ready.release(raw).answer))
    asked = parse_request(ready.node.request(ready.system.challenge(), model_digest(other)))

    with pytest.raises(AnswerRejected, match="challenge differs"):
        check_answer(answer, asked, ready.system.bundle, ready.system.clock())


def test_an_answer_to_another_node_does_not_open(ready: Ready) -> None:
    checked, _ = ready.opened()

    with pytest.raises(AnswerRejected, match="does not open"):
        open_dek(checked, NodeSecrets().hpke, ready.node.secrets.rsa_key)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda raw: raw[:-1], id="cut"),
        pytest.param(lambda raw: raw + b" x", id="more bytes"),
        pytest.param(lambda raw: raw.replace(b'"format":1', b'"format":2', 1), id="format"),
        pytest.param(lambda raw: raw.replace(b'"suite"', b'"suit"', 1), id="field renamed"),
        pytest.param(lambda raw: raw.replace(b'{"type"', b'{"extra":1,"type"', 1), id="extra"),
        pytest.param(lambda raw: b"[" + raw + b"]", id="not an object"),
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw + b" " * (256 << 10), id="too large"),
    ],
)
def test_a_malformed_request_is_an_error_and_spends_nothing(ready: Ready, spoil: object) -> None:
    raw = ready.request()

    with pytest.raises(MalformedError):
        ready.release(spoil(raw))  # type: ignore[operator]
    assert ready.release(raw).granted


def test_the_core_covers_every_part(ready: Ready) -> None:
    """Changing any input changes what evidence must be bound to (our protocol §4.2)."""
    request = parse_request(ready.request())
    keys, digest = request.keys, bytes.fromhex(request.model[7:])

    def core(**changed: object) -> bytes:
        parts = {
            "purpose": request.purpose,
            "challenge": request.challenge,
            "model": digest,
            "keys": keys,
            "claims": request.claims.raw,
        }
        return compute_core(**{**parts, **changed})  # type: ignore[arg-type]

    others = {
        core(purpose=Purpose.RENEWAL),
        core(challenge=bytes(56)),
        core(model=bytes(32)),
        core(claims=b"{}"),
        *(
            core(keys=replace(keys, **{name: b"other"}))
            for name in ("hpke", "rsa", "tls", "prompt", "ak_name")
        ),
    }
    assert len(others) == 9
    assert core() == request.core
    assert request.core not in others


def platforms_body(platform: str) -> dict[str, object]:
    return {"platforms": [{"id": platform, "site": "Frankfurt", "note": ""}]}


def element(tag: int, content: bytes) -> bytes:
    """One DER element with its length in two bytes or fewer (X.690 §8.1.3)."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    if size < 256:
        return bytes((tag, 0x81, size)) + content
    return bytes((tag, 0x82)) + size.to_bytes(2, "big") + content
