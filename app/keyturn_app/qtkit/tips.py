"""Tooltips of texts that others wrote: Qt takes for markup whatever looks like it.

A tooltip that is markup can look like anything, and reads the pictures that it names from the
disk, a device among them. Every tooltip goes through here; a test looks for those that do not.
"""

from html import escape

from PySide6.QtGui import Qt


def plain(text: str) -> str:
    """`text` for `setToolTip` and the tooltip's role, shown letter by letter."""
    if not Qt.mightBeRichText(text):
        return text
    return f'<p style="white-space: pre-wrap">{escape(text)}</p>'
