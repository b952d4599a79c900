"""The last checkpoint that a custodian has seen, as it stands beside a share (our protocol §10.7).

A host that is given an older copy of its log does not know it: who has seen more of that log does,
and says so over their own signature.
"""

from collections.abc import Mapping

from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.hostphrase import COMPARED
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import StepSignature
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.merkle import HASH_SIZE, MAX_TREE_SIZE, Hash

SIZE, ROOT = "size", "root"
SEEN = frozenset({SIZE, ROOT})
"""Their names among what is entered."""
ANY = "any"


def is_asked(plan: Plan) -> bool:
    """Whether custodians say in such a ceremony what they have seen: where a log from a copy may
    go on. A rehearsal's log nobody has seen before."""
    return plan.kind in COMPARED and not plan.rehearsal


def may_enter_seen(plan: Plan, signature: StepSignature) -> bool:
    """Whether a signature may carry it: with a share, in these ceremonies."""
    return is_asked(plan) and signature.part is Part.CUSTODIAN and len(signature.attached) > 0


def seen_entries(plan: Plan, seen: Checkpoint | None) -> dict[str, str]:
    """What a custodian's program enters beside a share: what it has verified, where it has."""
    if seen is None or seen.size == 0 or not is_asked(plan):
        return {}
    return {SIZE: str(seen.size), ROOT: seen.root.hex()}


def read_seen(entered: Mapping[str, str], origin: str = ANY) -> Checkpoint | None:
    """None where nothing of it was entered. The log's name counts for nothing in a tree.

    Raises MalformedCeremony for one without the other, and for what is no size or root.
    """
    if not SEEN & entered.keys():
        return None
    size, root = entered.get(SIZE, ""), entered.get(ROOT, "")
    try:
        if size != str(int(size)):
            raise ValueError
        number, hashed = int(size), bytes.fromhex(root)
        if not 0 <= number <= MAX_TREE_SIZE or len(hashed) != HASH_SIZE or hashed.hex() != root:
            raise ValueError
    except ValueError as error:
        raise MalformedCeremony(
            "ceremony-step: the checkpoint that the custodian has seen",
            found=repr({each: entered.get(each) for each in sorted(SEEN)})[:200],
            expected="size in decimal, root as 64 hex digits",
        ) from error
    return Checkpoint(origin, number, Hash(hashed))
