"""Events say where to look; a kind that nobody knows says: everywhere."""

from keyturn_app.desk import Topic
from keyturn_app.live.gathering import GATHERED
from keyturn_app.live.topics import touched_by


def test_each_kind_touches_what_it_is_about() -> None:
    assert touched_by("approval") == {Topic.PROPOSALS, Topic.SEEN}
    assert touched_by("revocation") == set(GATHERED)
    assert touched_by("wiped") == {Topic.NODES}
    assert touched_by("history-rewritten") == {Topic.SEEN}
    assert touched_by("of tomorrow") == set(GATHERED)
