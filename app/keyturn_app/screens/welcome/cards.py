"""Which key on which card: what is typed, what was found at the reader, what was chosen. No PIN."""

from dataclasses import dataclass, replace
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import key_id_of
from keyturn.client.card import CardKey, find_card_modules, list_cards
from keyturn.client.errors import CardUnreachable
from keyturn.officerkeys.keypair import OfficerPublic
from keyturn.quorum.roster import Roster
from keyturn_app.i18n import _


@dataclass(frozen=True, slots=True)
class CardDraft:
    """Three fields, each empty where anything will do, and what was found for them."""

    module: str = ""
    token: str = ""
    key: str = ""
    found: tuple[CardKey, ...] = ()
    chosen: CardKey | None = None

    def typed(self, **changed: str) -> "CardDraft":
        """What was found for other words is forgotten."""
        return replace(self, found=(), chosen=None, **changed)

    def with_found(self, found: tuple[CardKey, ...]) -> "CardDraft":
        """The only one is chosen; of several, the officer chooses."""
        drafted = replace(self, found=found, chosen=None)
        return drafted.with_chosen(found[0]) if len(found) == 1 else drafted

    def with_chosen(self, key: CardKey) -> "CardDraft":
        return replace(
            self,
            module=str(key.module),
            token=key.token,
            key=key.label or key.id,
            chosen=key,
        )


def look_for_cards(draft: CardDraft) -> tuple[CardKey, ...]:
    """Keys that fit what is typed. Without a module the usual ones are asked; some may fail.

    Raises CardUnreachable when there is none, and what `list_cards` raises of a module typed.
    """
    keys = _listed(draft.module.strip())
    found = tuple(each for each in keys if _fits(draft, each))
    if not found:
        raise CardUnreachable(
            _("no such key on a card here") if keys else _("no card with a key is here"),
            found=", ".join(f"{each.token}: {each.label}" for each in keys),
            hint=_("Put the card into the reader; P-256 and Ed25519 keys can sign."),
        )
    return found


def enrolled(roster: Roster, key: CardKey) -> OfficerPublic | None:
    """Whose key this is already, by the roster in force."""
    officer = roster.officer_of(key_id_of(key.spki))
    if officer is None:
        return None
    return OfficerPublic(officer.id, officer.name, key.algorithm, key.spki, officer.hpke or b"")


def described(key: CardKey) -> str:
    """One key in a list; texts of the card's own."""
    return _("{card} ({serial}) — {key}, {algorithm}").format(
        card=key.token,
        serial=key.serial,
        key=key.label or key.id,
        algorithm=key.algorithm.value,
    )


def _listed(module: str) -> tuple[CardKey, ...]:
    if module:
        return list_cards([Path(module).absolute()])
    found: list[CardKey] = []
    faults: list[KeyturnError] = []
    for each in find_card_modules():
        try:
            found += list_cards([each])
        except KeyturnError as error:
            faults.append(error)
    if not found and faults:
        raise faults[0]
    return tuple(found)


def _fits(draft: CardDraft, key: CardKey) -> bool:
    token, name = draft.token.strip(), draft.key.strip()
    return token in ("", key.token, key.serial) and name in ("", key.label, key.id)
