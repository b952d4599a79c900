"""Every text on screen goes through `_()`: gettext, so that view-models can use it without Qt."""

import gettext
from pathlib import Path

DOMAIN = "keyturn-app"

_translations = gettext.NullTranslations()


def use(directory: Path, languages: list[str], *, complete: bool) -> None:
    """Take the first of `languages` that has a catalogue; English where none has.

    `complete`: only one that translates everything (its header says `X-Complete: yes`), for whoever
    did not ask for this language: half of a window in another is worse than none.
    """
    global _translations  # noqa: PLW0603 - gettext's own pattern: one language a process
    found = gettext.translation(DOMAIN, directory, languages, fallback=True)
    whole = found.info().get("x-complete") == "yes"
    _translations = found if whole or not complete else gettext.NullTranslations()


def _(text: str) -> str:
    """`text` in the chosen language. Values go in afterwards, with `.format`."""
    return _translations.gettext(text)


def n_(one: str, many: str, count: int) -> str:
    """The form that fits `count`; formatted with `{count}` already."""
    return _translations.ngettext(one, many, count).format(count=f"{count:,}")
