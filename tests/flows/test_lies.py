"""A real control plane whose answers are edited on their way: each lie is named, none is shown.

The client on the officer's machine is the shipped one; only what it is told is changed. After
each lie the same question to the honest server works again (I3, I5).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import load_object
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import HistoryRewritten, ServerLied
from keyturn.client.profile import Places, Profile
from keyturn.keyholder.genesis import log_signer
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.kinds import Kind
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.tlog.errors import UntrustedCheckpoint, UntrustedProof
from keyturn.tlog.receipts import MAX_RECEIPT
from keyturn_sim.vendors import SimVendors
from support import lying
from support.agents import seal_for
from support.authority import policy_body
from support.fixtures import hsm_worker, token_template, vendors
from support.hsmtoken import Model
from support.hsmviews import HsmView
from support.lying import Document, Liar, Lie
from support.signers import PersonSigner
from support.system import ORIGIN, admission_body, model_digest, running
from support.whole import Whole, running_whole

__all__ = ["hsm_worker", "token_template", "vendors"]


@dataclass
class Deceived:
    """Ada's desk with a liar in between, a policy and a model in force, and one open proposal."""

    whole: Whole
    directory: Path
    liar: Liar
    policy: Digest
    open: Digest
    model: Model
    early: bytes
    desks: int = 0

    def desk(self) -> KeyturnClient:
        """A client that knows nothing yet, through the liar."""
        self.desks += 1
        return self.client(self.directory / f"desk-{self.desks}")

    def client(self, place: Path) -> KeyturnClient:
        system, world = self.whole.system, self.whole.world
        profile = Profile(world.url, world.pin, system.fingerprint, "ada", InKeyring("ada"))
        signer = PersonSigner(system.authority.people["ada"])
        return self.liar.client(profile, place, now=system.clock, signer=signer)

    @property
    def approval(self) -> bytes:
        """Bela's genuine approval of the policy."""
        state = self.whole.system.keyholder.journal.state
        known = state.by_digest[self.policy]
        return next(e.envelope.to_bytes() for e in known.approvals if e.officer == "bela")

    @property
    def entry(self) -> int:
        """Where the policy came into force."""
        return self.whole.system.keyholder.journal.state.by_digest[self.policy].index

    def receipt(self, index: int) -> Document:
        raw = self.whole.system.keyholder.journal.log.receipt(index)
        return dict(load_object(raw.to_bytes(), limit=MAX_RECEIPT, what="receipt"))

    def fork(self, more: int) -> Lie:
        sign, key = log_signer(self.whole.system.hsm)
        return lying.forked_checkpoint(key, sign, ORIGIN, more=more)


@pytest.fixture(scope="module")
def deceived(
    tmp_path_factory: pytest.TempPathFactory,
    hsm_worker: object,
    vendors: SimVendors,
) -> Iterator[Deceived]:
    directory = tmp_path_factory.mktemp("lies")
    view = HsmView(hsm_worker)  # type: ignore[arg-type]
    with running(directory, view, vendors) as system, running_whole(system, directory) as whole:
        policy = whole.enact(Kind.POLICY, "serving", policy_body()).digest
        early = whole.desks["bela"].checkpoint().to_bytes()
        model = admitted(whole, directory)
        whole.world.catch_up()
        stricter = whole.propose(Kind.POLICY, "serving", policy_body(lease_seconds=30))
        yield Deceived(whole, directory, Liar(), policy, stricter, model, early)


def admitted(whole: Whole, directory: Path) -> Model:
    """A model of the inventory, in force."""
    source, sealed = directory / "plain", directory / "sealed"
    source.mkdir()
    (source / "weights.bin").write_bytes(b"weights")
    _, model = seal_for(whole.system, source, sealed, "mini")
    parts = {"key": sealed / KEY_NAME, "manifest": sealed / MANIFEST_NAME}
    whole.enact(
        Kind.MODEL,
        model_digest(model),
        admission_body(model),
        **{name: path.read_bytes() for name, path in parts.items()},
    )
    return model


Ask = Callable[[KeyturnClient], object]


@dataclass(frozen=True)
class Case:
    """A lie, the question to which it is told, and how it must be named."""

    lie: Callable[[Deceived], Lie]
    ask: Callable[[Deceived], Ask]
    named: type[KeyturnError]
    match: str


def proposals(_: Deceived) -> Ask:
    return lambda client: client.proposals()


def state(_: Deceived) -> Ask:
    return lambda client: client.state()


def seen_before(_: Deceived) -> Ask:
    return lambda client: client.checkpoint()


def models(_: Deceived) -> Ask:
    return lambda client: client.models()


def receipt(index: int) -> Callable[[Deceived], Ask]:
    return lambda _: lambda client: client.receipt(index)


def statement_object(deceived: Deceived) -> Digest:
    known = deceived.whole.system.keyholder.journal.state.by_digest[deceived.policy]
    return digest_of(known.statement.raw)


CASES = {
    "forged approval": Case(
        lambda d: lying.forged_approval(d.open, "bela"),
        proposals,
        ServerLied,
        "the approval of bela is not genuine",
    ),
    "approval by an outsider": Case(
        lambda d: lying.approval_by_an_outsider(d.open),
        proposals,
        ServerLied,
        "the approval of mallory is not genuine",
    ),
    "approval under another name": Case(
        lambda d: lying.approval_under_another_name(d.policy, d.approval, "emil"),
        proposals,
        ServerLied,
        "the approval of emil is not genuine",
    ),
    "approval of another statement": Case(
        lambda d: lying.approval_of_another(d.open, d.approval),
        proposals,
        ServerLied,
        "over another statement",
    ),
    "edited policy body": Case(
        lambda d: lying.edited_body(d.policy, lease_seconds=3600),
        proposals,
        ServerLied,
        "the statement is not genuine",
    ),
    "edited policy body with its digest": Case(
        lambda d: lying.edited_body_with_its_digest(d.open, lease_seconds=3600),
        proposals,
        ServerLied,
        "the statement is not genuine",
    ),
    "called in force without a receipt": Case(
        lambda d: lying.called_in_force(d.open, None), proposals, ServerLied, "without a receipt"
    ),
    "called in force by another's receipt": Case(
        lambda d: lying.called_in_force(d.open, d.receipt(2)),
        proposals,
        ServerLied,
        "receipt is of another entry",
    ),
    "wrong inclusion proof": Case(
        lambda d: lying.wrong_inclusion_proof(1), receipt(1), UntrustedProof, "another root"
    ),
    "receipt of another entry": Case(
        lambda d: lying.receipt_of_another_entry(1, {"receipt": d.receipt(2)}),
        receipt(1),
        ServerLied,
        "receipt of another entry",
    ),
    "older checkpoint": Case(
        lambda d: lying.older_checkpoint(d.early), seen_before, HistoryRewritten, "older log"
    ),
    "fork of the same size": Case(
        lambda d: d.fork(0), seen_before, HistoryRewritten, "does not extend"
    ),
    "longer fork": Case(lambda d: d.fork(3), seen_before, HistoryRewritten, "does not extend"),
    "checkpoint with another size": Case(
        lambda d: lying.unsigned_checkpoint(), seen_before, UntrustedCheckpoint, "does not verify"
    ),
    "dropped entry": Case(
        lambda d: lying.dropped_entry(2), state, ServerLied, "do not lead to its signed checkpoint"
    ),
    "edited entry": Case(
        lambda d: lying.edited_entry(d.entry, b"serving", b"sErving"),
        state,
        ServerLied,
        "do not lead to its signed checkpoint",
    ),
    "swapped object": Case(
        lambda d: lying.swapped_object(statement_object(d), b"{}"),
        state,
        ServerLied,
        "another object",
    ),
    "model with another tag": Case(
        lambda d: lying.edited_model(model_digest(d.model), tag="ee" * 32),
        models,
        ServerLied,
        "than its admission",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_lie_is_named_and_the_truth_works_again(deceived: Deceived, case: Case) -> None:
    ask = case.ask(deceived)
    with deceived.desk() as honest:
        if case.ask is seen_before:
            honest.checkpoint()
        with deceived.liar.telling(case.lie(deceived)), pytest.raises(case.named, match=case.match):
            ask(honest)
        ask(honest)


def test_a_model_is_called_as_its_quorum_signed_it(deceived: Deceived) -> None:
    digest = model_digest(deceived.model)
    lie = lying.edited_model(digest, name="harmless", version="9")
    with deceived.desk() as ada, deceived.liar.telling(lie):
        told = deceived.liar.told
        (found,) = [each for each in ada.models() if each.digest == digest]
        assert deceived.liar.told > told
    assert (found.name, found.version) == ("mini", "1")
    assert found.admission is not None


def test_an_admission_moved_to_another_digest_admits_nothing(deceived: Deceived) -> None:
    lie = lying.edited_model(model_digest(deceived.model), digest=digest_of(b"another"))
    with deceived.desk() as ada, deceived.liar.telling(lie):
        assert [each.admission for each in ada.models()] == [None]


def test_the_liar_without_a_lie_changes_nothing(deceived: Deceived) -> None:
    """The control: otherwise every test above could pass for a reason of its own."""
    told = deceived.liar.told
    with deceived.desk() as ada:
        assert ada.hello().simulation
        assert {each.digest for each in ada.proposals()} >= {deceived.policy, deceived.open}
        assert ada.receipt(1).leaf == ada.leaves()[1][1]
    assert deceived.liar.told == told


def test_a_fork_is_noticed_in_the_next_run_too(deceived: Deceived) -> None:
    place = deceived.directory / "kept"
    with deceived.client(place) as first:
        kept = first.checkpoint()
    with (
        deceived.client(place) as second,
        deceived.liar.telling(deceived.fork(0)),
        pytest.raises(HistoryRewritten) as caught,
    ):
        second.checkpoint()
    assert caught.value.kept == kept
    assert caught.value.shown.checkpoint.size == kept.checkpoint.size
    assert caught.value.shown.checkpoint.root != kept.checkpoint.root
    _, key = log_signer(deceived.whole.system.hsm)
    for each in (caught.value.kept, caught.value.shown):
        verify_checkpoint(each.to_bytes(), key, ORIGIN)


def test_a_client_that_the_program_opens_itself_meets_the_liar(deceived: Deceived) -> None:
    system, world = deceived.whole.system, deceived.whole.world
    profile = Profile(world.url, world.pin, system.fingerprint, "ada", InKeyring("ada"))
    place = deceived.directory / "own"
    signer = PersonSigner(system.authority.people["ada"])
    lie = lying.edited_body(deceived.policy, lease_seconds=3600)
    with (
        deceived.liar.in_the_way(),
        KeyturnClient.open(
            profile, Places(place, place), now=system.clock, signer=lambda: signer
        ) as opened,
        deceived.liar.telling(lie),
        pytest.raises(ServerLied),
    ):
        opened.proposals()
