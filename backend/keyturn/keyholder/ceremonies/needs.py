"""What must be open before a step, and whose shares open it (our protocol §10.7).

A ceremony may have two tokens, and two sets of shares of one use: of the token in use, and of the
one that it makes. So a need names its sets, and not only their use.
"""

from dataclasses import dataclass
from enum import Enum

from keyturn.ceremony.custody import opening_sets
from keyturn.ceremony.script import Action, ScriptKind, ShareUse, Step
from keyturn.ceremony.sharesets import ShareSet
from keyturn.keyholder.ceremonies.doing import Act
from keyturn.keyholder.ceremonies.running import Running
from keyturn.keyholder.ceremonies.sharing import kept_sets
from keyturn.keyholder.ceremonies.site import DeskSite, Site

NEW_TOKEN = (ScriptKind.RESTORE, ScriptKind.HSM_REPLACEMENT)


class Opens(Enum):
    """What is done with enough of the shares."""

    IN_USE = "in-use"  # the token in use is opened
    FRESH = "fresh"  # the one that is being made is opened
    FRESH_PIN = "fresh-pin"  # its PIN is kept for the step
    HELD = "held"  # the shares lie in memory until the step puts them together


@dataclass(frozen=True, slots=True)
class Need:
    """Enough shares of one of these sets."""

    use: ShareUse
    opens: Opens
    sets: tuple[ShareSet, ...]


def sets_that_open(running: Running) -> tuple[ShareSet, ...]:
    """Whose shares open something for this ceremony."""
    kind = running.course.plan.kind
    return opening_sets(kind, running.custody, kept_sets(running.files))


def needs_of(site: Site, act: Act, step: Step, running: Running) -> tuple[Need, ...]:
    """What the step needs and is not there. The last record of all goes into the log at once."""
    plan, found = running.course.plan, dict[tuple[ShareUse, tuple[ShareSet, ...]], Need]()
    opening = sets_that_open(running)

    def need(use: ShareUse, opens: Opens, sets: tuple[ShareSet, ...] = opening) -> None:
        fitting = tuple(each for each in sets if each.use is use)
        found.setdefault((use, fitting), Need(use, opens, fitting))

    holding = running.custody if act.holds_old and running.custody else opening
    for use in act.holds(plan):
        held, sets = running.unlocked.get(use), tuple(each for each in holding if each.use is use)
        if held is None or not held.has_enough(use, sets):
            need(use, Opens.HELD, holding)
    logs = site.journal is not None and step.action is Action.CLOSE
    if (act.token or logs) and site.hsm is None:
        need(ShareUse.USER, Opens.IN_USE)
    if act.fresh and plan.kind in NEW_TOKEN and site.fresh is None:
        need(ShareUse.USER, Opens.FRESH)
    replaces = plan.kind is ScriptKind.HSM_REPLACEMENT
    if act.fresh_pin and replaces and isinstance(site, DeskSite) and not site.fresh_pin.is_there:
        need(ShareUse.USER, Opens.FRESH_PIN)
    return tuple(found.values())
