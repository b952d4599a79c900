"""Rotating the KEK (our protocol §10.7, §10.14): a new one, every DEK under it, the old one gone.

What a step made before a kill is found again by what it left: the id of the KEK that was active
when the ceremony began to make another lies beside its records.
"""

from keyturn.base.encoding import Digest, digest_bytes
from keyturn.base.signatures import KeyId
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, KekDestroyed, KekMade, KekRetired
from keyturn.ceremony.facts import Rewrapped as RewrappedFacts
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Action, ScriptKind
from keyturn.hsm.kekwork import (
    CeremonyOrder,
    HsmCeremonies,
    KekProfile,
    KekReport,
    KekState,
    check_kek_id,
)
from keyturn.keyholder.ceremonies.actions.backups import kept_backup
from keyturn.keyholder.ceremonies.actions.destroying import destroy_file
from keyturn.keyholder.ceremonies.actions.tokenfacts import kek_facts
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.site import DeskSite
from keyturn.keyholder.rewraps import Rewraps
from keyturn.quorum.kinds import Kind
from keyturn.wire.ceremonies import Progress, Rewrapped
from keyturn.wire.rewrapping import pack_items

BEFORE = "kek-before"
"""A file of the ceremony: the id of the KEK that was active before."""
_FEED = (
    "let the inventory be handed in (keyturn ceremony rewrap), then sign again; a model whose"
    " wrapped key is lost is admitted again from its keyturn.key, or destroyed"
)


def order_of(doing: Doing) -> CeremonyOrder:
    """The step as the HSM worker is told of it: its place in the chain of records."""
    place = doing.course.place
    return CeremonyOrder(doing.plan.ceremony, place.seq, digest_bytes(place.previous))


def keks_of(doing: Doing) -> HsmCeremonies:
    """Raises CeremonyRefused while the token is locked."""
    hsm = doing.site.require_hsm()
    if not isinstance(hsm, HsmCeremonies):
        raise CeremonyRefused(CeremonyReason.FAILED, "this host's token takes no ceremony's orders")
    return hsm


def rewrap(doing: Doing, items: bytes) -> Rewrapped:
    """Answer a batch from the inventory. Raises MalformedError and what the HSM raises."""
    rewraps = _rewraps(doing)
    done = rewraps.rewrap(items)
    total, left = rewraps.counts().total, len(_left(doing, rewraps))
    doing.report(Progress(total - left, total, "keys under the new KEK"))
    return Rewrapped(done, _made(doing), left)


def takes_keys(plan: Plan, action: Action) -> bool:
    """Whether the inventory is handed in at this step: before its keys are counted, and before the
    KEK goes, for those models that were admitted since."""
    return plan.kind is ScriptKind.KEK_ROTATION and action in (Action.REWRAP, Action.DESTROY_KEK)


def _make(doing: Doing) -> Facts:
    keks, profile = keks_of(doing), doing.plan.kek_profile
    if profile is None:
        raise CeremonyRefused(CeremonyReason.FAILED, "the plan chooses no profile for the new KEK")
    before = _before(doing, keks)
    active = _active(keks)
    if active.id == before:
        wanted = KekProfile(profile.value)
        order = order_of(doing)
        made = _waiting(keks, wanted) or keks.make_kek(order, wanted)
        doing.at("made the KEK")
        active = keks.activate_kek(_next(order), made.id)
        doing.at("activated the KEK")
    return KekMade(kek_facts(active), before)


def _before(doing: Doing, keks: HsmCeremonies) -> KeyId:
    """The KEK that was active when this was begun first, as kept; kept now if it is not yet."""
    kept = doing.files.kept(BEFORE)
    if kept is not None:
        return check_kek_id(kept.decode("ascii", "replace"))
    before = _active(keks).id
    doing.files.keep(BEFORE, before.encode())
    return before


def _active(keks: HsmCeremonies) -> KekReport:
    report = keks.describe_keys()
    return next(each for each in report.keks if each.state is KekState.ACTIVE)


def _waiting(keks: HsmCeremonies, profile: KekProfile) -> KekReport | None:
    """One that a step before a kill made, and that nothing was ever wrapped under."""
    fit = (
        each
        for each in keks.keks()
        if each.state is KekState.PRE_ACTIVATION and each.profile is profile
    )
    return next(fit, None)


def _next(order: CeremonyOrder) -> CeremonyOrder:
    return CeremonyOrder(order.ceremony, order.seq, order.record, order.part + 1)


def _all_rewrapped(doing: Doing) -> Facts:
    rewraps = _rewraps(doing)
    if isinstance(doing.site, DeskSite) and doing.site.inventory:
        rewrap(doing, pack_items(doing.site.inventory))  # a rehearsal feeds itself
    counts = rewraps.counts()
    if counts.left:
        missing = ", ".join(each[:23] for each in rewraps.missing(3))
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            f"{counts.left} models' keys are not under the new KEK yet",
            found=f"{counts.total - counts.left} of {counts.total}; missing: {missing} …",
            expected=str(counts.total),
            hint=_FEED,
        )
    return RewrappedFacts(
        _replaced(doing), _made(doing), counts.total, counts.rewrapped, counts.already
    )


def _rewraps(doing: Doing) -> Rewraps:
    """Of this ceremony and this opening of the token; after another one it is fed again."""
    site, ceremony, keks = doing.site, doing.plan.ceremony, keks_of(doing)
    found = site.rewraps.get(ceremony)
    if found is None or found.keks is not keks:
        journal = site.journal
        if journal is None:
            raise CeremonyRefused(CeremonyReason.FAILED, "there is no log that names models")
        found = Rewraps(keks, _made(doing), order_of(doing), lambda: journal.state)
        site.rewraps[ceremony] = found
    found.follow(order_of(doing))
    return found


def _made(doing: Doing) -> KeyId:
    key = (doing.facts_of(Action.MAKE_KEK) or {}).get("key")
    return _id(key.get("id") if isinstance(key, dict) else None)


def _replaced(doing: Doing) -> KeyId:
    return _id((doing.facts_of(Action.MAKE_KEK) or {}).get("replaces"))


def _id(value: object) -> KeyId:
    if not isinstance(value, str):
        raise CeremonyRefused(CeremonyReason.WRONG_STEP, "no KEK was made in this ceremony yet")
    return check_kek_id(value)


def _left(doing: Doing, rewraps: Rewraps) -> tuple[Digest, ...]:
    """Models that nobody has seen under the new KEK. Once all were counted, those that the log has
    admitted since that was begun: the record of the count says of the others that they lie there,
    and is written after it, so that its own time would miss what came between."""
    missing, counted = rewraps.missing(), doing.begun_after(Action.REWRAP)
    if counted is None or doing.site.state is None:
        return missing
    newest = doing.site.state.newest
    return tuple(each for each in missing if newest[(Kind.MODEL, each)].since >= counted)


def _retire(doing: Doing) -> Facts:
    old = _replaced(doing)
    keks_of(doing).retire_kek(order_of(doing), old)
    return KekRetired(old)


def _destroy(doing: Doing) -> Facts:
    old = _replaced(doing)
    if doing.facts_of(Action.REWRAP) is None:
        raise CeremonyRefused(CeremonyReason.WRONG_STEP, "its keys were not wrapped anew")
    rewraps = _rewraps(doing)
    left = _left(doing, rewraps)
    if left:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            f"{len(left)} models were admitted since the keys were counted, and are not seen under"
            " the new KEK",
            found=", ".join(each[:23] for each in left[:3]) + " …",
            expected="every model that the log ever admitted under the new KEK",
            hint=_FEED,
        )
    rewraps.keks.destroy_kek(rewraps.next_order(), old)
    destroy_file(doing.site.directory / kept_backup(old))
    return KekDestroyed(old)


MAKE_KEK = Act(
    _make,
    token=True,
    left="a new KEK may be on the token, under which nothing lies; this step finds it again",
)
REWRAP = Act(
    _all_rewrapped,
    token=True,
    left="each key opens under the old KEK or the new one, and both are there",
)
RETIRE_KEK = Act(_retire, token=True, left="both KEKs are there")
DESTROY_KEK = Act(
    _destroy,
    token=True,
    left="the old KEK is retired, or gone; this step finds out which",
)
