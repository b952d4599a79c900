"""Buttons with an icon and a word, and room between them."""

from typing import Any

from keyturn_app.qtkit.widgets import Button, button


def spaced_button(text: str, **further: Any) -> Button:
    """As `qtkit.widgets.button`, which sets no room between icon and text."""
    made = button(text, **further)
    made.setText(f" {text}")
    return made
