"""Of which share sets a step's shares are: old ones open, new ones are proved (our protocol §10.7).

A host, custodians' programs and the app come to the same answer.
"""

from collections.abc import Sequence

from keyturn.ceremony.script import Action, ScriptKind, ShareUse
from keyturn.ceremony.sharesets import ShareSet

CHANGES_PINS = frozenset({ScriptKind.CUSTODIAN_CHANGE, ScriptKind.OFFICER_KEY_LOSS})
"""Ceremonies whose new shares open nothing before all of them were proved."""
UNLOCKS = frozenset({Action.UNLOCK, Action.UNLOCK_SO, Action.UNLOCK_BACKUP})


def moves_a_kek(kind: ScriptKind, action: Action | None) -> bool:
    """Whether a step needs two tokens open: the one that is replaced wraps, the new one unwraps."""
    return kind is ScriptKind.HSM_REPLACEMENT and action is Action.IMPORT_KEK


def opening_sets(
    kind: ScriptKind,
    custody: Sequence[ShareSet],
    dealt: Sequence[ShareSet],
    action: Action | None = None,
) -> tuple[ShareSet, ...]:
    """Whose shares open what a host has locked since it was started: of a token that a ceremony
    makes those that it dealt; else those that stood when it was opened (`custody`). Where a KEK
    moves (`action`) those that stood, and of the new token those of its user PIN."""
    if kind in CHANGES_PINS:
        return tuple(custody)
    if moves_a_kek(kind, action):
        return (*custody, *(each for each in dealt if each.use is ShareUse.USER))
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
