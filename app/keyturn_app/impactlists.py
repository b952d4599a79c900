"""What of a long impact is shown: which groups stand open, and how many models are named. No Qt."""

from collections.abc import Sequence

from keyturn.policy.impact import Group
from keyturn_app.i18n import n_
from keyturn_app.impact import GroupLines, ImpactView, ModelLine

SMALL = 20
"""Groups of at most so many nodes stand open."""
MODELS = 6
"""Lines of models at most; the rest is counted."""
DECIDES = (Group.NEWLY, Group.LOSES)


def opened_groups(groups: Sequence[GroupLines]) -> frozenset[Group]:
    """Small ones, and the last of those that change hands: no long list hides one below it."""
    changing = [each.group for each in groups if each.group in DECIDES]
    small = {each.group for each in groups if each.count <= SMALL}
    return frozenset(small | set(changing[-1:]))


def model_lines(view: ImpactView | None) -> tuple[ModelLine, ...]:
    """At most MODELS; that there are more is said."""
    every = () if view is None else view.models
    left = len(every) - MODELS
    if left <= 0:
        return every
    more = n_(
        "and {count} more model: see the document",
        "and {count} more models: see the document",
        left,
    )
    return (*every[:MODELS], ModelLine(more, "ellipsis", "stale"))
