"""New PINs: dealt to their new custodians first, set on the token once all proved their shares.

Until then the old shares open the token, so that an abort or a kill costs nothing. Where a kill
comes between the two PINs, the next attempt finds out which of them the token has already.
"""

from collections.abc import Mapping

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, PinsReplaced
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shares import Gathering
from keyturn.hsm.ceremonytasks import Secret, SetPin, TokenPlace, Who, run_task
from keyturn.hsm.errors import PinRefused
from keyturn.keyholder.ceremonies.actions.newsecrets import new_secrets
from keyturn.keyholder.ceremonies.actions.secretsheld import held_secrets
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.sharing import (
    deal,
    keep_boxes,
    kept_sets,
    pin_descriptor,
    put_together,
)

CHANGING = "changing-pins"
_PINS = (ShareUse.USER, ShareUse.SO)
_WHO = {ShareUse.USER: (Who.USER, Secret.PIN), ShareUse.SO: (Who.SO, Secret.SO_PIN)}


def new_pins(doing: Doing) -> Facts:
    """Random ones, split and sealed. The token keeps those that it has."""
    plan = doing.plan
    with new_secrets(plan.shares, doing.random) as secrets:
        boxes = deal(
            secrets,
            plan.shares,
            doing.roster,
            plan.ceremony,
            doing.plan_digest,
            doing.random,
            rehearsal=plan.rehearsal,
        )
        keep_boxes(doing.files, boxes)
        doing.at("boxes kept")
    return PinsReplaced(boxes.sets)


def set_pins(doing: Doing) -> None:
    """From those of the old shares, which are held, to those of the new ones, all entered again.

    Raises PinRefused, and what the token raises; then the next attempt goes on from there.
    """
    again = doing.files.kept(CHANGING) is not None
    doing.files.keep(CHANGING, b"{}")
    place = doing.site.token_place(doing.plan.token)
    with held_secrets(doing, _PINS) as old:
        for use in _PINS:
            with (
                put_together(_entered(doing, use)) as secret,
                pin_descriptor(secret, "new") as new,
                pin_descriptor(secret, "known") as known,
            ):
                if not (again and _has(place, use, known, new)):
                    _change(place, use, old, new)
                doing.at(f"{use.value} pin set")
                if use is ShareUse.USER:
                    doing.site.pin_changed(secret)


def _has(place: TokenPlace, use: ShareUse, known: int, new: int) -> bool:
    """Whether the token has the new PIN already: the attempt before may have come so far."""
    who, name = _WHO[use]
    try:
        run_task(SetPin(who), place, {name: known, Secret.NEW_PIN: new})
    except PinRefused:
        return False
    return True


def _change(place: TokenPlace, use: ShareUse, old: Mapping[Secret, int], new: int) -> None:
    who, name = _WHO[use]
    run_task(SetPin(who), place, {name: old[name], Secret.NEW_PIN: new})


def _entered(doing: Doing, use: ShareUse) -> Gathering:
    shares = doing.shares
    candidates = shares.candidates(use) if shares is not None else ()
    if not candidates or not kept_sets(doing.files):
        raise CeremonyRefused(
            CeremonyReason.NOT_ATTACHED,
            "not every new share was entered",
            found=f"not all of the {use.value} kind",
            expected="the share of each of their custodians",
        )
    return candidates[0]


NEW_PINS = Act(new_pins, left="the PINs and shares as they were")
