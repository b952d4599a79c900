"""What a submission leaves behind: objects, an entry, a receipt, and the token's mark."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import MalformedError
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.protocol import Admission as HsmAdmission
from keyturn.keyholder.errors import KeyFileRefused, TooManyDecisions, WrongToken
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.keyholder.submissions import Entered
from keyturn.quorum.approvals import (
    APPROVAL_TYPE,
    WITHDRAWAL_TYPE,
    Decision,
    approval_payload,
    withdrawal_payload,
)
from keyturn.quorum.entries import parse_entry, read_statement
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind, payload_type
from keyturn.quorum.statements import compose_payload
from keyturn.seal.sealedkey import parse_sealed_key
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.tlog.receipts import verify_receipt
from support.authority import Proposal, policy_body, sign, spki
from support.hsmtoken import make_model
from support.hsmviews import HsmView
from support.ready import Ready
from support.system import ORIGIN, System, admission_body, keys_body


def view_of(system: System) -> HsmView:
    assert isinstance(system.hsm, HsmView)
    return system.hsm


def marked_size(system: System) -> int:
    """How long the log was that the token remembers."""
    mark = view_of(system).mark
    assert mark is not None
    log = system.keyholder.journal.log
    return verify_checkpoint(mark, log.log_key, ORIGIN).checkpoint.size


def policy(system: System, subject: str = "serving") -> Proposal:
    return system.authority.approved(Kind.POLICY, subject, policy_body())


def withdraw(system: System, proposal: Proposal) -> int:
    payload = withdrawal_payload(
        proposal.digest, officer="ada", time=system.clock(), reason="second thoughts"
    )
    envelope = sign(WITHDRAWAL_TYPE, payload, *system.authority.people["ada"].keys[:1])
    return system.keyholder.submissions.withdraw(proposal.raw, envelope)[0]


def test_the_entry_names_every_envelope_and_all_are_kept(system: System) -> None:
    proposal = policy(system)
    entered = system.submit(proposal)
    log = system.keyholder.journal.log

    entry = read_statement(parse_entry(log.leaf(entered.index)))

    envelopes = [proposal.raw, *proposal.approvals]
    assert [log.object(each) for each in entry.envelopes] == envelopes
    assert entry.envelopes[0] == digest_of(proposal.raw)
    assert (entry.statement, entry.subject, entry.version) == (proposal.digest, "serving", 1)


def test_the_receipt_proves_the_entry(system: System) -> None:
    entered = system.submit(policy(system))
    log = system.keyholder.journal.log

    assert entered.receipt.leaf == log.leaf(entered.index)
    verify_receipt(entered.receipt, log.log_key, ORIGIN)


def test_the_token_remembers_every_change_of_authority(system: System) -> None:
    first = system.submit(policy(system))
    assert marked_size(system) == first.index + 1

    at = withdraw(system, policy(system, "other"))
    assert marked_size(system) == at + 1


def test_a_mark_that_could_not_be_stored_is_stored_at_the_next_asking(system: System) -> None:
    proposal = policy(system)
    steps = view_of(system).steps
    before = len(steps)
    system.submit(policy(system, "rehearsal"))
    at = steps[before:].index("store mark asked")
    view_of(system).lose(at)
    with pytest.raises(HsmUnreachable):
        system.submit(proposal)
    size = system.keyholder.journal.log.size

    again = system.submit(proposal)

    assert again.index == size - 1
    assert marked_size(system) == size


def test_marks_never_go_back(system: System) -> None:
    """Two submissions at once: the older checkpoint must not be the one that stays."""
    view = view_of(system)
    store, second = view.store_mark, threading.Thread(target=system.submit, args=(policy(system),))
    done = threading.Event()

    def slowly(mark: bytes) -> None:
        if not second.ident:
            second.start()
            done.wait(0.3)  # what is in order cannot be overtaken, so nobody says it is done
            store(mark)
            return
        store(mark)
        done.set()

    view.store_mark = slowly  # type: ignore[method-assign]
    system.submit(policy(system, "other"))
    second.join()

    assert marked_size(system) == system.keyholder.journal.log.size


def test_keys_of_another_token_are_refused(system: System, ready: Ready) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    body = keys_body(system.hsm)
    next(each for each in body["keys"] if each["purpose"] == "result")["spki"] = b64(spki(other))  # type: ignore[attr-defined]
    size = system.keyholder.journal.log.size

    with pytest.raises(WrongToken, match="token's result key"):
        system.enact(Kind.KEYS, "keys", body)
    assert system.keyholder.journal.log.size == size
    system.enact(Kind.KEYS, "keys", keys_body(system.hsm))


@pytest.mark.parametrize("which", ["log", "origin", "both"])
def test_a_log_key_is_not_replaced_by_its_keyholder(
    system: System, ready: Ready, which: str
) -> None:
    """With the whole quorum, but without the continuation that names the old checkpoint."""
    body = keys_body(system.hsm)
    if which != "origin":
        log = next(each for each in body["keys"] if each["purpose"] == "log")  # type: ignore[attr-defined]
        log["spki"] = b64(spki(ed25519.Ed25519PrivateKey.generate()))
    if which != "log":
        body["origin"] = "other.example/log"
    size = system.keyholder.journal.log.size

    with pytest.raises(SubmissionRefused) as refused:
        system.enact(Kind.KEYS, "keys", body)

    assert refused.value.reason is SubmissionReason.LOG_NOT_CONTINUED
    assert system.keyholder.journal.log.size == size


Spoil = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        pytest.param(lambda raw: raw[:-2], MalformedError, id="cut"),
        pytest.param(lambda raw: raw + b"}", MalformedError, id="more"),
        pytest.param(
            lambda raw: raw.replace(
                parse_sealed_key(raw).wrapped.ingest_key_id.encode(), b"0" * 64
            ),
            KeyFileRefused,
            id="another ingest key",
        ),
        pytest.param(
            lambda raw: raw.replace(parse_sealed_key(raw).tag.hex().encode(), b"0" * 64),
            KeyFileRefused,
            id="another tag",
        ),
    ],
)
def test_a_spoilt_key_file_admits_nothing(ready: Ready, spoil: Spoil, error: type) -> None:
    system, model = ready.system, make_model()
    body, key = admission_body(model), system.key_file(model)
    proposal = system.authority.approved(Kind.MODEL, str(body["model"]), body)
    size = system.keyholder.journal.log.size

    with pytest.raises(error):
        system.submit(proposal, spoil(key))

    assert system.keyholder.journal.log.size == size
    assert isinstance(system.submit(proposal, key), Entered)


def test_no_object_is_kept_of_what_is_refused(system: System) -> None:
    """Nobody fills the log's disk with what no quorum wanted."""
    proposal = policy(system)
    proposal.approvals.pop()
    objects = system.directory / "log" / "objects"
    before = sorted(objects.rglob("*"))

    with pytest.raises(Exception, match="too few approvals"):
        system.submit(proposal)

    assert sorted(objects.rglob("*")) == before


@pytest.mark.parametrize("count", [2, 201])
def test_a_submission_that_no_entry_can_name_leaves_nothing_on_the_disk(
    system: System, count: int
) -> None:
    """One officer may revoke alone, with the disk's reserve, and sign as many approvals as he
    likes: they must not be kept without an entry, again and again. Two: the same one twice."""
    body: dict[str, object] = {"target_kind": "node", "target": "node-1"}
    made = system.authority.propose(Kind.REVOCATION, "node:node-1", body)
    once = [system.authority.approval(made.digest, "ada")]
    for place in range(count - 1):
        once.append(approval_saying(system, made, str(place) if count > 2 else ""))
    made.approvals += once
    before, size = objects_of(system), system.keyholder.journal.log.size
    with pytest.raises(MalformedError, match="approvals"):
        system.submit(made)
    assert objects_of(system) == before
    assert system.keyholder.journal.log.size == size


# ---- withdrawals ----


def approval_saying(system: System, made: Proposal, comment: str) -> bytes:
    payload = approval_payload(
        made.digest, Decision.APPROVE, officer="ada", time=system.clock(), comment=comment
    )
    return sign(APPROVAL_TYPE, payload, *system.authority.people["ada"].keys[:1])


def withdrawal_of(system: System, digest: Digest, officer: str) -> bytes:
    payload = withdrawal_payload(digest, officer=officer, time=system.clock(), reason="a test")
    return sign(WITHDRAWAL_TYPE, payload, system.authority.people[officer].keys[0])


def objects_of(system: System) -> list[Path]:
    return sorted((system.directory / "log" / "objects").rglob("*"))


def test_a_withdrawal_does_not_use_the_reserve(system: System) -> None:
    """Revocations must still fit when one proposer has filled what he could fill."""
    system.keyholder.close()
    system.start(reserve=1 << 49)
    before = objects_of(system)

    with pytest.raises(LogFull, match="beside its reserve"):
        withdraw(system, policy(system))

    assert objects_of(system) == before
    body: dict[str, object] = {"target_kind": "node", "target": "node-1"}
    assert system.enact(Kind.REVOCATION, "node:node-1", body).in_force


class Shrinking(DiskIo):
    free = 1 << 40

    def free_bytes(self, directory: Path) -> int:
        return self.free


def test_withdrawals_leave_room_for_grants(system: System) -> None:
    """Grants need what is beside the reserve: one proposer could take it all."""
    disk, reserve = Shrinking(), 64 << 20
    system.keyholder.close()
    system.start(disk, reserve=reserve)
    disk.free = 2 * reserve
    with pytest.raises(LogFull, match="no room for withdrawals"):
        withdraw(system, policy(system))


def test_a_proposer_cannot_fill_the_log_with_withdrawals(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system.keyholder.submissions._withdrawals, "_limit", 2)
    for place in range(2):
        withdraw(system, policy(system, f"p{place}"))
    with pytest.raises(TooManyDecisions, match="ada has withdrawn often enough"):
        withdraw(system, policy(system, "p2"))
    system.clock.advance(days=1)
    withdraw(system, policy(system, "p3"))


def test_a_statement_that_nobody_signed_is_not_kept(system: System) -> None:
    payload = compose_payload(
        Kind.POLICY,
        "serving",
        authority=system.fingerprint,
        version=1,
        replaces=None,
        proposer="ada",
        time=system.clock(),
        reason="a test",
        body=policy_body(),
    )
    raw = sign(payload_type("policy"), payload, system.authority.people["bela"].keys[0])
    before = objects_of(system)

    with pytest.raises(SubmissionRefused, match="not signed by its proposer"):
        system.keyholder.submissions.withdraw(raw, withdrawal_of(system, digest_of(payload), "ada"))
    assert objects_of(system) == before


def test_who_may_not_propose_has_nothing_to_withdraw(system: System) -> None:
    people = system.authority.people
    people["emil"].roles = ("approver",)
    system.enact(Kind.ROSTER, "roster", system.authority.roster_body())
    proposal = system.authority.propose(Kind.POLICY, "serving", policy_body(), by="emil")

    with pytest.raises(SubmissionRefused, match="emil may not propose"):
        system.keyholder.submissions.withdraw(
            proposal.raw, withdrawal_of(system, proposal.digest, "emil")
        )


# ---- statements that were entered before ----


def test_what_was_superseded_or_revoked_is_not_called_in_force(system: System) -> None:
    first = policy(system)
    entered = system.submit(first)
    assert (entered.in_force, system.submit(first)) == (True, entered)
    system.authority.entered(Kind.POLICY, "serving", first)
    second = policy(system)
    system.submit(second)

    again = system.submit(first)
    assert (again.index, again.in_force) == (entered.index, False)
    assert system.submit(second).in_force

    body: dict[str, object] = {"target_kind": "policy", "target": "serving"}
    system.enact(Kind.REVOCATION, "policy:serving", body)
    assert not system.submit(second).in_force


def test_what_has_expired_is_not_called_in_force(system: System) -> None:
    proposal = policy(system)
    entered = system.submit(proposal)
    system.clock.advance(days=90)

    again = system.submit(proposal)
    assert (again.index, again.in_force) == (entered.index, False)


def test_a_known_models_key_is_wrapped_outside_the_order(ready: Ready) -> None:
    """Whoever asks again and again must not keep releases waiting for the HSM."""
    system, model = ready.system, make_model()
    body, key = admission_body(model), system.key_file(model)
    proposal = system.authority.approved(Kind.MODEL, str(body["model"]), body)
    system.submit(proposal, key)
    view, done = view_of(system), threading.Event()
    rewrap = view.rewrap_admission

    def slowly(admission: HsmAdmission) -> bytes:
        def enter() -> None:
            with system.keyholder.journal.ordered():
                done.set()

        thread = threading.Thread(target=enter)
        thread.start()
        assert done.wait(10)
        thread.join()
        return rewrap(admission)

    view.rewrap_admission = slowly  # type: ignore[method-assign]
    assert system.submit(proposal, key).wrapped is not None
    assert done.is_set()
