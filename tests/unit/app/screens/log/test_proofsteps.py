"""The drawn steps are the verified proof's, for every leaf of small trees."""

import pytest

from keyturn.client.seen import nodes_of
from keyturn.tlog.errors import UntrustedProof
from keyturn.tlog.merkle import Hash, leaf_hash, tree_root
from keyturn_app.screens.log.prooflayout import GAP, NODE_WIDTH, Role, layout
from keyturn_app.screens.log.proofsteps import Path, verified_path

LEAVES = [f"entry {place}".encode() for place in range(40)]


def path_of(index: int, size: int) -> Path:
    leaves = LEAVES[:size]
    root = tree_root(map(leaf_hash, leaves))
    return verified_path(leaf_hash(leaves[index]), index, size, root, nodes_of(leaves))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 40])
def test_each_step_joins_neighbours_up_to_the_root(size: int) -> None:
    for index in range(size):
        path = path_of(index, size)
        end = path.steps[-1].result if path.steps else path.leaf
        assert end == path.root
        below = (index, index + 1)
        for step in path.steps:
            other = (step.sibling_span.start, step.sibling_span.end)
            parts = [other, below] if step.left else [below, other]
            assert parts[0][1] == parts[1][0]
            assert (step.span.start, step.span.end) == (parts[0][0], parts[1][1])
            part = LEAVES[slice(*other)]
            assert step.sibling == tree_root(map(leaf_hash, part))
            below = (step.span.start, step.span.end)
        assert below == (0, size)


def test_another_root_is_not_proved() -> None:
    leaves = LEAVES[:5]
    with pytest.raises(UntrustedProof):
        verified_path(leaf_hash(leaves[2]), 2, 5, Hash(bytes(32)), nodes_of(leaves))


def test_boxes_do_not_overlap_and_stay_inside() -> None:
    made = layout(path_of(5, 40))
    places = [(each.x, each.y) for each in made.boxes]
    assert len(set(places)) == len(places)
    for box in made.boxes:
        assert 0 <= box.x <= made.width - NODE_WIDTH
        assert 0 <= box.y < made.height
    rows: dict[float, list[float]] = {}
    for x, y in places:
        rows.setdefault(y, []).append(x)
    for xs in rows.values():
        assert all(
            b - a >= NODE_WIDTH + GAP for a, b in zip(sorted(xs), sorted(xs)[1:], strict=False)
        )


def test_the_path_is_marked_and_the_siblings_stand_on_their_side() -> None:
    path = path_of(5, 40)
    made = layout(path)
    roles = [each.role for each in made.boxes if each.on_path]
    assert (roles[0], roles[-1]) == (Role.LEAF, Role.ROOT)
    middle = next(each.x for each in made.boxes if each.role is Role.LEAF)
    siblings = [each for each in made.boxes if each.role is Role.SIBLING]
    assert [each.x < middle for each in siblings] == [step.left for step in path.steps]
    assert len(made.edges) == 2 * len(path.steps)


def test_a_log_of_one_entry_is_its_own_root() -> None:
    made = layout(path_of(0, 1))
    assert [each.role for each in made.boxes] == [Role.ROOT]
    assert made.edges == ()
