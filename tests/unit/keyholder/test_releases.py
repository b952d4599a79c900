"""The release path's order of steps, and what may change between them."""

import threading
from datetime import timedelta

import pytest
from cryptography import x509

from keyturn.base.errors import MalformedError
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.protocol import PublicKey
from keyturn.hsm.protocol import Purpose as KeyPurpose
from keyturn.keyholder import releases as module
from keyturn.keyholder.errors import AuthorityUnsettled, KeyholderStopped
from keyturn.keyholder.releases import Releases
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import read_grant, read_refusal
from keyturn.keyrelease.evidence import verify_evidence
from keyturn.keyrelease.request import build_request, parse_request
from keyturn.quorum.entries import parse_entry
from keyturn.quorum.kinds import Kind
from keyturn.wire.keyholder import HandCollateral
from support.collateral import amd_crl
from support.hsmviews import HsmView
from support.ready import Ready
from support.system import reasons

NO_ROOTS: dict[str, object] = {"hardware": "pinned", "simulated": []}


def distrust(ready: Ready) -> None:
    """No simulated roots any more."""
    ready.system.enact(Kind.TRUST_ANCHORS, "trust-anchors", NO_ROOTS)


def during_verification(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, happening: object, times: int = 1
) -> None:
    """Something comes into force after evidence was verified and before it is decided on."""
    left = [times]

    def verifying(*arguments: object) -> object:
        result = verify_evidence(*arguments)  # type: ignore[arg-type]
        if left[0]:
            left[0] -= 1
            happening(ready)  # type: ignore[operator]
        return result

    monkeypatch.setattr(module, "verify_evidence", verifying)


def test_roots_distrusted_while_evidence_is_verified_do_not_count(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verified under the old anchors, decided under the new ones: the new ones must hold."""
    raw = ready.request()
    during_verification(ready, monkeypatch, distrust)

    assert "untrusted-root" in reasons(ready.release(raw))

    ready.system.trust_simulated_roots()
    assert ready.ask().granted


def revoke_chip(ready: Ready) -> None:
    """AMD's list that names this node's VCEK is handed in."""
    system = ready.system
    serial = x509.load_der_x509_certificate(ready.node.sim.vek).serial_number
    issued = system.clock() - timedelta(hours=1)
    document = amd_crl(system.vendors, issued, 2, (serial,), by_ask=True)
    assert system.keyholder.answer(HandCollateral((document,)))["refused"] == []


def test_a_list_that_comes_while_evidence_is_verified_counts(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = ready.request()
    during_verification(ready, monkeypatch, revoke_chip)

    assert reasons(ready.release(raw)) == {"cert-revoked"}
    assert ready.entries("grant") == []


def test_a_list_that_comes_between_decision_and_entry_counts(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, write, once = ready.request(), Releases._write, [True]

    def revoking(self: Releases, *arguments: object) -> object:
        decided = write(self, *arguments)  # type: ignore[arg-type]
        if once:
            once.pop()
            revoke_chip(ready)
        return decided

    monkeypatch.setattr(Releases, "_write", revoking)

    assert reasons(ready.release(raw)) == {"cert-revoked"}
    assert ready.entries("grant") == []


def test_a_policy_that_changes_meanwhile_is_the_one_that_decides(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = ready.request()
    during_verification(ready, monkeypatch, lambda it: it.system.set_policy(lease_seconds=7))

    outcome = ready.release(raw)

    assert ready.checked(raw, outcome).grant.lease_seconds == 7


def test_an_authority_that_never_settles_grants_nothing(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, grants = ready.request(), ready.entries("grant")
    write = Releases._write

    def changing(self: Releases, *arguments: object) -> object:
        decided = write(self, *arguments)  # type: ignore[arg-type]
        ready.system.set_policy()
        return decided

    monkeypatch.setattr(Releases, "_write", changing)
    with pytest.raises(AuthorityUnsettled, match="changes faster"):
        ready.release(raw)
    assert ready.entries("grant") == grants

    monkeypatch.undo()
    assert reasons(ready.release(raw)) == {"challenge-spent"}
    assert ready.ask().granted


def test_a_revocation_between_decision_and_entry_refuses(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, write, once = ready.request(), Releases._write, [True]

    def revoking(self: Releases, *arguments: object) -> object:
        decided = write(self, *arguments)  # type: ignore[arg-type]
        if once.pop() if once else False:
            body: dict[str, object] = {"target_kind": "node", "target": "node-1"}
            ready.system.enact(Kind.REVOCATION, "node:node-1", body)
        return decided

    monkeypatch.setattr(Releases, "_write", revoking)

    assert reasons(ready.release(raw)) == {"revoked"}
    assert ready.entries("grant") == []


def test_two_threads_with_one_challenge_get_one_answer(ready: Ready) -> None:
    raw, outcomes, gate = ready.request(), [], threading.Barrier(4)

    def ask() -> None:
        gate.wait()
        outcomes.append(ready.release(raw))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(each.granted for each in outcomes) == [False, False, False, True]
    assert len(ready.entries("grant")) == 1


def test_the_entry_says_what_was_granted(ready: Ready) -> None:
    raw = ready.request()
    checked = ready.checked(raw, ready.release(raw))
    request = parse_request(raw)

    entry = read_grant(parse_entry(ready.entries("grant")[-1]))

    assert entry.grant == checked.grant.digest
    assert entry.challenge == request.challenge
    assert entry.evidence == request.digest
    assert entry.core == request.core
    assert (entry.node, entry.lease) == ("node-1", checked.grant.lease)
    assert (entry.until - ready.system.clock()).total_seconds() == 60
    assert entry.platform == f"amd-genoa-{ready.node.sim.launch.chip_id.hex()}"


def test_a_refusal_of_genuine_evidence_is_logged_with_its_reasons(ready: Ready) -> None:
    outcome = ready.ask(sim=ready.node.sim.with_debug())

    assert outcome.index is not None
    leaf = ready.system.keyholder.journal.log.leaf(outcome.index)
    assert read_refusal(parse_entry(leaf)).reasons == ("debug-allowed-by-guest-policy",)
    assert outcome.answer["logged"] is True


def test_junk_is_counted_and_not_logged(ready: Ready) -> None:
    distrust(ready)
    size = ready.system.keyholder.journal.log.size
    outcome = ready.ask()

    assert outcome.index is None
    assert outcome.answer["logged"] is False
    assert ready.system.keyholder.journal.log.size == size
    assert ready.system.keyholder.releases.unlogged_refusals == 1


@pytest.mark.parametrize(("lost", "asked"), [(0, "sign result"), (2, "sign log"), (4, "release")])
def test_a_worker_lost_during_a_release_gives_no_key(ready: Ready, lost: int, asked: str) -> None:
    view = ready.system.hsm
    assert isinstance(view, HsmView)
    raw, before = ready.request(), len(view.steps)
    view.lose(lost)

    with pytest.raises(HsmUnreachable):
        ready.release(raw)

    assert view.steps[before + lost] == f"{asked} asked"
    assert view.issued == []
    if asked == "sign log":  # nobody knows what is in the log: only a restart finds out
        with pytest.raises(KeyholderStopped):
            ready.system.challenge()
        ready.system.restart()
    assert ready.ask().granted


@pytest.mark.parametrize("field", ["tls", "rsa", "hpke"])
def test_a_key_that_is_none_is_malformed_and_spends_nothing(ready: Ready, field: str) -> None:
    honest = ready.request()
    good = parse_request(honest)
    sizes = {"tls": 91, "rsa": 422, "hpke": 1216}
    keys = {name: getattr(good.keys, name) for name in ("hpke", "rsa", "tls")}
    keys[field] = b"\xff" * sizes[field]
    bad = build_request(
        Purpose.RELEASE,
        good.challenge,
        good.model,
        type(good.keys)(keys["hpke"], keys["rsa"], keys["tls"]),
        good.claims,
        good.evidence,
    )

    with pytest.raises(MalformedError):
        ready.release(bad)
    assert ready.release(honest).granted


def test_an_rsa_tls_key_is_refused(ready: Ready) -> None:
    good = parse_request(ready.request())
    keys = type(good.keys)(good.keys.hpke, good.keys.rsa, good.keys.rsa)
    bad = build_request(
        Purpose.RELEASE, good.challenge, good.model, keys, good.claims, good.evidence
    )

    with pytest.raises(MalformedError, match="TLS key is of another kind"):
        ready.release(bad)


def test_an_hsm_without_an_oaep_hash_is_refused(ready: Ready) -> None:
    class Silent(HsmView):
        def public_keys(self) -> dict[KeyPurpose, PublicKey]:
            keys = dict(super().public_keys())
            ingest = keys[KeyPurpose.INGEST]
            keys[KeyPurpose.INGEST] = type(ingest)(
                ingest.purpose, ingest.spki, ingest.algorithm, None
            )
            return keys

    view = ready.system.hsm
    assert isinstance(view, HsmView)
    keyholder = ready.system.keyholder
    with pytest.raises(MalformedError, match="OAEP"):
        Releases(
            keyholder.journal,
            Silent(view.worker),
            "a test",
            keyholder.cosignatures,
            collateral=keyholder.collateral,
        )
