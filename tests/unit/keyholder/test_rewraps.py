"""What of an inventory is wrapped anew, on a real token, and what is counted."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.kekwork import MAX_BATCH
from keyturn.keyholder.rewraps import RewrapCounts, Rewraps, admitted_models
from keyturn.quorum.state import AuthorityState
from keyturn.wire.rewrapping import ItemOutcome, ItemToRewrap, pack_items, unpack_answer
from support.hsmtoken import Model, make_model
from support.rotating import Rotation, digest_text, make_rotation, rewraps_of


@pytest.fixture(scope="module")
def rotation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    rotation = make_rotation(tmp_path_factory.mktemp("rotation"), 4)
    yield rotation
    rotation.close()


@pytest.fixture(scope="module")
def worker(rotation: Rotation) -> Iterator[HsmWorker]:
    with rotation.desk.worker() as worker:
        yield worker


def _rewraps(rotation: Rotation, worker: HsmWorker, state: AuthorityState | None = None) -> Rewraps:
    return rewraps_of(worker, rotation.new, state or rotation.state)


def _ask(rewraps: Rewraps, *items: tuple[Model, bytes]) -> list[ItemOutcome]:
    raw = pack_items([ItemToRewrap(digest_text(model), wrapped) for model, wrapped in items])
    return [each.outcome for each in unpack_answer(rewraps.rewrap(raw), len(items))]


def test_every_model_is_counted_once(rotation: Rotation, worker: HsmWorker) -> None:
    rewraps = _rewraps(rotation, worker)
    first, second, third, _ = zip(rotation.models, rotation.wrapped, strict=True)
    assert rewraps.counts() == RewrapCounts(4, 0, 0)
    assert _ask(rewraps, first, second) == [ItemOutcome.REWRAPPED] * 2
    assert _ask(rewraps, first, third) == [ItemOutcome.REWRAPPED] * 2
    assert rewraps.counts() == RewrapCounts(4, 3, 0)
    assert rewraps.counts().left == 1
    assert rewraps.missing() == (digest_text(rotation.models[3]),)


def test_one_that_lay_there_already_is_not_wrapped_again(
    rotation: Rotation, worker: HsmWorker
) -> None:
    item = ItemToRewrap(digest_text(rotation.models[0]), rotation.wrapped[0])
    (done,) = unpack_answer(_rewraps(rotation, worker).rewrap(pack_items([item])), 1)
    again = _rewraps(rotation, worker)  # a keyholder that was started anew
    moved = replace(item, kek_wrapped=done.kek_wrapped or b"")
    assert unpack_answer(again.rewrap(pack_items([moved])), 1)[0] == replace(
        done, outcome=ItemOutcome.ALREADY
    )
    assert again.counts() == RewrapCounts(4, 0, 1)


def test_a_row_that_was_swapped_or_made_up_gives_nothing(
    rotation: Rotation, worker: HsmWorker
) -> None:
    """The database administrator moves a DEK to another model's row, or invents a model."""
    rewraps = _rewraps(rotation, worker)
    first, second = rotation.models[:2]
    made_up = make_model()
    assert _ask(
        rewraps,
        (first, rotation.wrapped[1]),
        (second, bytes(40)),
        (made_up, rotation.wrapped[0]),
    ) == [ItemOutcome.OTHER_MODEL, ItemOutcome.DOES_NOT_OPEN, ItemOutcome.NOT_ADMITTED]
    assert rewraps.counts() == RewrapCounts(4, 0, 0)


def test_a_destroyed_models_key_is_never_wrapped_again(
    rotation: Rotation, worker: HsmWorker
) -> None:
    gone = digest_text(rotation.models[0])
    state = replace(rotation.state, destroyed=frozenset({gone}))
    rewraps = _rewraps(rotation, worker, state)
    assert _ask(rewraps, (rotation.models[0], rotation.wrapped[0])) == [ItemOutcome.DESTROYED]
    assert rewraps.counts().total == 3
    assert gone not in admitted_models(state)


def test_a_batch_larger_than_the_workers_is_answered_in_order(
    rotation: Rotation, worker: HsmWorker
) -> None:
    rewraps = _rewraps(rotation, worker)
    pairs = list(zip(rotation.models, rotation.wrapped, strict=True)) * (MAX_BATCH // 3)
    pairs[MAX_BATCH + 5] = (rotation.models[0], bytes(40))
    outcomes = _ask(rewraps, *pairs)
    assert outcomes[MAX_BATCH + 5] is ItemOutcome.DOES_NOT_OPEN
    assert set(outcomes[: MAX_BATCH + 5]) == {ItemOutcome.REWRAPPED}


def test_nothing_asked_is_nothing_done_and_a_cut_batch_is_refused(
    rotation: Rotation, worker: HsmWorker
) -> None:
    rewraps = _rewraps(rotation, worker)
    assert rewraps.rewrap(b"") == b""
    with pytest.raises(MalformedError, match="batch"):
        rewraps.rewrap(bytes(71))


def test_a_lost_worker_counts_nothing(rotation: Rotation) -> None:
    with rotation.desk.worker() as other:
        rewraps = _rewraps(rotation, other)
    with pytest.raises(HsmUnreachable):
        _ask(rewraps, (rotation.models[0], rotation.wrapped[0]))
    assert rewraps.counts() == RewrapCounts(4, 0, 0)
    assert len(rewraps.missing(2)) == 2


def test_only_models_are_counted(tmp_path: Path) -> None:
    assert admitted_models(AuthorityState(Digest("sha256:" + "00" * 32))) == frozenset()
