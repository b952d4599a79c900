"""How good a new passphrase looks. A hint, not a proof: only its length is insisted on."""

from enum import Enum

from keyturn.officerkeys.passphrase import MAXIMUM, MINIMUM
from keyturn_app.i18n import _

_FAIR, _GOOD = 14, 20
_DIFFERENT = 8


class Strength(Enum):
    UNFIT = "unfit"
    WEAK = "weak"
    FAIR = "fair"
    GOOD = "good"


def strength(typed: str) -> Strength:
    """By length and by how many different characters there are."""
    size = len(typed.encode())
    if not MINIMUM <= size <= MAXIMUM:
        return Strength.UNFIT
    if len(set(typed)) < _DIFFERENT or len(typed) < _FAIR:
        return Strength.WEAK
    return Strength.GOOD if len(typed) >= _GOOD else Strength.FAIR


def said(found: Strength) -> str:
    """The hint below the field."""
    return {
        Strength.UNFIT: _("At least {count} characters.").format(count=MINIMUM),
        Strength.WEAK: _("Weak: can be guessed by whoever copies the file. Add words."),
        Strength.FAIR: _("Fair. One more word makes it much better."),
        Strength.GOOD: _("Good."),
    }[found]
