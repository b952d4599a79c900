"""One step at a time, on a real token; whole rotations: tests/flows/test_ceremonies_rotation.py."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.facts import KekDestroyed, KekMade, KekRetired, Rewrapped
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import Action, ScriptKind
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.kekwork import KekProfile as OnToken
from keyturn.hsm.kekwork import KekState
from keyturn.keyholder.ceremonies.actions import rotation
from keyturn.keyholder.ceremonies.actions.backups import kept_backup
from keyturn.quorum.kinds import Kind
from keyturn.wire.ceremonies import Progress
from keyturn.wire.rewrapping import ItemToRewrap, pack_items
from support.authority import START
from support.ceremonies import Cast, genesis_plan
from support.hsmceremonies import Desk
from support.hsmtoken import Model, admit, make_model
from support.rotating import digest_text, state_of


@dataclass
class Bench:
    """What an action is given, with a real token behind it; records are made here by hand."""

    hsm: Any
    models: list[Model] = field(default_factory=list)
    records: dict[Action, Mapping[str, object]] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    said: list[Progress] = field(default_factory=list)
    times: dict[Action, datetime] = field(default_factory=dict)
    directory: Path = Path("none")
    began: dict[Action, datetime] = field(default_factory=dict)
    seq: int = 0

    def __post_init__(self) -> None:
        journal = SimpleNamespace(
            state=state_of([(digest_text(each), each.tag) for each in self.models])
        )
        self.site = SimpleNamespace(
            require_hsm=lambda: self.hsm,
            journal=journal,
            rewraps={},
            state=journal.state,
            directory=self.directory,
        )

    def admit_at(self, model: Model, since: datetime) -> None:
        """The log lets one more come into force."""
        models = [*self.models, model]
        state = state_of([(digest_text(each), each.tag) for each in models])
        late = (Kind.MODEL, str(digest_text(model)))
        newest = {**state.newest, late: replace(state.newest[late], since=since)}
        self.site.state = self.site.journal.state = replace(state, newest=newest)

    @property
    def doing(self) -> Any:
        self.seq += 1
        previous = Digest(f"sha256:{self.seq:064x}")
        place = SimpleNamespace(seq=self.seq, previous=previous, ceremony="r-1")
        return SimpleNamespace(
            site=self.site,
            plan=SimpleNamespace(ceremony="r-1", kek_profile=KekProfile.NEVER_EXTRACTABLE),
            course=SimpleNamespace(place=place),
            files=SimpleNamespace(kept=self.kept.get, keep=self.kept.__setitem__),
            facts_of=self.records.get,
            begun_after=lambda action: self.began.get(action, self.times.get(action)),
            report=self.said.append,
            at=lambda _: None,
        )

    def do(self, action: Action, act: Any) -> Any:
        facts = act.do(self.doing)
        self.records[action] = facts.document()
        self.times[action] = START + timedelta(days=1)
        return facts


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[HsmWorker]:
    desk = Desk.at(tmp_path / "t")
    desk.make(OnToken.NEVER_EXTRACTABLE, backed_up=False)
    with desk.worker() as worker:
        yield worker


def test_each_step_does_its_part_and_says_it(worker: HsmWorker, tmp_path: Path) -> None:
    model = make_model()
    bench = Bench(worker, [model], directory=tmp_path)
    wrapped = admit(worker, model)
    (old,) = worker.keks()
    kept = tmp_path / kept_backup(old.id)
    kept.write_bytes(b"its backup")
    made = bench.do(Action.MAKE_KEK, rotation.MAKE_KEK)
    assert isinstance(made, KekMade)
    assert (made.replaces, made.key.state.value) == (old.id, "active")
    with pytest.raises(CeremonyRefused, match="not under the new KEK"):
        bench.do(Action.REWRAP, rotation.REWRAP)
    items = pack_items([ItemToRewrap(digest_text(model), wrapped)])
    assert rotation.rewrap(bench.doing, items).left == 0
    assert bench.said == [Progress(1, 1, "keys under the new KEK")]
    assert bench.do(Action.REWRAP, rotation.REWRAP) == Rewrapped(old.id, made.key.id, 1, 1, 0)
    assert bench.do(Action.RETIRE_KEK, rotation.RETIRE_KEK) == KekRetired(old.id)
    assert kept.is_file()
    assert bench.do(Action.DESTROY_KEK, rotation.DESTROY_KEK) == KekDestroyed(old.id)
    assert not kept.exists()
    assert [each.state for each in worker.keks()] == [KekState.DESTROYED, KekState.ACTIVE]


def test_a_step_that_is_done_again_makes_no_second_kek(worker: HsmWorker) -> None:
    """Its record was lost: the process was killed between the act and it."""
    bench = Bench(worker)
    first = rotation.MAKE_KEK.do(bench.doing)
    again = rotation.MAKE_KEK.do(bench.doing)
    assert isinstance(first, KekMade)
    assert isinstance(again, KekMade)
    assert (again.key.id, again.replaces) == (first.key.id, first.replaces)
    assert len(worker.keks()) == 2


def test_nothing_is_retired_destroyed_or_wrapped_before_there_is_a_new_kek(
    worker: HsmWorker,
) -> None:
    bench = Bench(worker)
    for act in (rotation.REWRAP, rotation.RETIRE_KEK, rotation.DESTROY_KEK):
        with pytest.raises(CeremonyRefused, match="no KEK was made"):
            act.do(bench.doing)
    bench.do(Action.MAKE_KEK, rotation.MAKE_KEK)
    with pytest.raises(CeremonyRefused, match="not wrapped anew"):
        rotation.DESTROY_KEK.do(bench.doing)
    assert [each.state for each in worker.keks()] == [KekState.DEACTIVATED, KekState.ACTIVE]


def test_after_the_token_was_opened_anew_everything_is_shown_again(worker: HsmWorker) -> None:
    """What another opening saw is not what this one did: it might be another token's word."""
    model = make_model()
    bench = Bench(worker, [model])
    wrapped = admit(worker, model)
    bench.do(Action.MAKE_KEK, rotation.MAKE_KEK)
    items = pack_items([ItemToRewrap(digest_text(model), wrapped)])
    assert rotation.rewrap(bench.doing, items).left == 0
    bench.hsm = Reopened(worker)
    assert rotation.rewrap(bench.doing, b"").left == 1


def test_a_model_that_was_admitted_since_the_count_is_seen_before_the_kek_goes(
    worker: HsmWorker,
) -> None:
    model, late = make_model(), make_model()
    bench = Bench(worker, [model])
    wrapped, of_late = admit(worker, model), admit(worker, late)  # both under the old KEK
    bench.do(Action.MAKE_KEK, rotation.MAKE_KEK)
    rotation.rewrap(bench.doing, pack_items([ItemToRewrap(digest_text(model), wrapped)]))
    bench.do(Action.REWRAP, rotation.REWRAP)
    bench.do(Action.RETIRE_KEK, rotation.RETIRE_KEK)
    bench.admit_at(late, START + timedelta(days=2))
    with pytest.raises(CeremonyRefused, match="1 models were admitted since"):
        rotation.DESTROY_KEK.do(bench.doing)
    assert [each.state for each in worker.keks()] == [KekState.DEACTIVATED, KekState.ACTIVE]
    items = pack_items([ItemToRewrap(digest_text(late), of_late)])
    waiting = bench.doing
    assert rotation.rewrap(waiting, items).left == 0
    rotation.DESTROY_KEK.do(waiting)  # the same step: what was wrapped in it stands before
    assert [each.state for each in worker.keks()] == [KekState.DESTROYED, KekState.ACTIVE]


def test_a_model_that_came_between_the_count_and_its_record_keeps_the_old_kek(
    worker: HsmWorker,
) -> None:
    """The record's time is later than the count, by as long as it takes to be written."""
    model, late = make_model(), make_model()
    bench = Bench(worker, [model])
    wrapped = admit(worker, model)
    admit(worker, late)  # under the old KEK
    bench.do(Action.MAKE_KEK, rotation.MAKE_KEK)
    rotation.rewrap(bench.doing, pack_items([ItemToRewrap(digest_text(model), wrapped)]))
    bench.do(Action.REWRAP, rotation.REWRAP)
    bench.began[Action.REWRAP] = bench.times[Action.REWRAP] - timedelta(minutes=1)
    bench.do(Action.RETIRE_KEK, rotation.RETIRE_KEK)
    bench.admit_at(late, bench.times[Action.REWRAP] - timedelta(seconds=1))
    with pytest.raises(CeremonyRefused, match="1 models were admitted since"):
        rotation.DESTROY_KEK.do(bench.doing)


def test_the_inventory_is_handed_in_where_keys_are_counted_and_where_the_kek_goes() -> None:
    plan = replace(genesis_plan(Cast()), kind=ScriptKind.KEK_ROTATION)
    taking = {each for each in Action if rotation.takes_keys(plan, each)}
    assert taking == {Action.REWRAP, Action.DESTROY_KEK}
    moving = replace(plan, kind=ScriptKind.HSM_REPLACEMENT)
    assert not any(rotation.takes_keys(moving, each) for each in Action)


class Reopened:
    """The same token, opened by a worker of its own."""

    def __init__(self, worker: HsmWorker) -> None:
        self._worker = worker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)


def test_a_token_that_takes_no_orders_is_told() -> None:
    with pytest.raises(CeremonyRefused, match="no ceremony's orders"):
        rotation.MAKE_KEK.do(Bench(SimpleNamespace()).doing)


def test_a_plan_without_a_profile_makes_nothing(worker: HsmWorker) -> None:
    doing = Bench(worker).doing
    doing.plan.kek_profile = None
    with pytest.raises(CeremonyRefused, match="no profile"):
        rotation.MAKE_KEK.do(doing)
    assert len(worker.keks()) == 1
