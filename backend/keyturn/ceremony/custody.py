"""Of which share sets a step's shares are: old ones open, new ones are proved (our protocol §10.7).

A host, custodians' programs and the app come to the same answer.
"""

from collections.abc import Sequence

from keyturn.ceremony.script import Action, ScriptKind
from keyturn.ceremony.sharesets import ShareSet

CHANGES_PINS = frozenset({ScriptKind.CUSTODIAN_CHANGE, ScriptKind.OFFICER_KEY_LOSS})
"""Ceremonies whose new shares open nothing before all of them were proved."""
UNLOCKS = frozenset({Action.UNLOCK, Action.UNLOCK_SO, Action.UNLOCK_BACKUP})


def opening_sets(
    kind: ScriptKind, custody: Sequence[ShareSet], dealt: Sequence[ShareSet]
) -> tuple[ShareSet, ...]:
    """Whose shares open what a host has locked since it was started: of a token that a ceremony
    makes those that it dealt; else those that stood when it was opened (`custody`)."""
    if kind in CHANGES_PINS:
        return tuple(custody)
    known = {each.use for each in dealt}
    return (*dealt, *(each for each in custody if each.use not in known))


def step_sets(
    kind: ScriptKind, action: Action, custody: Sequence[ShareSet], dealt: Sequence[ShareSet]
) -> tuple[ShareSet, ...]:
    """Whose shares are attached to a step's own signatures. Where shares are proved only new ones
    are asked for; what opens something is old."""
    if action is Action.PROVE_SHARES:
        return tuple(dealt)
    if action in UNLOCKS and custody:
        return tuple(custody)
    return opening_sets(kind, custody, dealt)
