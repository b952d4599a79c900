"""Colours by name, dark and light. Every text token is at least 4.5:1 on every background."""

from collections.abc import Mapping
from enum import Enum


class Mode(Enum):
    DARK = "dark"
    LIGHT = "light"


DARK: Mapping[str, str] = {
    "canvas": "#0D1117",
    "rail": "#0A0D12",
    "surface": "#141A21",
    "raised": "#1B222B",
    "field": "#10151B",
    "hover": "#212A35",
    "selected": "#1B3252",
    "border": "#27303B",
    "border_strong": "#6E7D90",
    "text": "#E8EDF4",
    "text2": "#AEB9C7",
    "muted": "#93A0B1",
    "accent": "#6CA6FF",
    "accent_solid": "#2F6FDE",
    "on_accent": "#FFFFFF",
    "focus": "#8DBBFF",
    "ok": "#35B58A",
    "ok_bg": "#12312A",
    "stale": "#E8AE3C",
    "stale_bg": "#33270F",
    "pending": "#6CA6FF",
    "pending_bg": "#15294A",
    "danger": "#FF6B6B",
    "danger_bg": "#3A1D22",
    "quarantined": "#C39BFF",
    "quarantined_bg": "#2B2140",
    "unknown": "#97A3B4",
    "unknown_bg": "#20262E",
    "wiped": "#AEB9C7",
    "wiped_bg": "#20262E",
    "added": "#7FE0BC",
    "added_bg": "#12312A",
    "added_mark": "#1D5A4A",
    "removed": "#FF9C9C",
    "removed_bg": "#3A1D22",
    "removed_mark": "#6B2E36",
    "simulated": "#F2C566",
    "simulated_bg": "#4A3410",
    "rehearsal": "#FF9BDD",
    "rehearsal_bg": "#471A3C",
}

LIGHT: Mapping[str, str] = {
    "canvas": "#F4F6F9",
    "rail": "#EAEEF3",
    "surface": "#FFFFFF",
    "raised": "#F7F9FB",
    "field": "#FFFFFF",
    "hover": "#EDF1F6",
    "selected": "#DCE9FC",
    "border": "#D8DFE7",
    "border_strong": "#788594",
    "text": "#131A22",
    "text2": "#414D5C",
    "muted": "#5B6878",
    "accent": "#1F5FCC",
    "accent_solid": "#1F5FCC",
    "on_accent": "#FFFFFF",
    "focus": "#1F5FCC",
    "ok": "#08704F",
    "ok_bg": "#DDF3E9",
    "stale": "#8F5B00",
    "stale_bg": "#FDF1D8",
    "pending": "#1F5FCC",
    "pending_bg": "#DCE9FC",
    "danger": "#C0272D",
    "danger_bg": "#FBE3E3",
    "quarantined": "#6B3FC0",
    "quarantined_bg": "#ECE4FA",
    "unknown": "#5B6878",
    "unknown_bg": "#E8ECF1",
    "wiped": "#414D5C",
    "wiped_bg": "#E8ECF1",
    "added": "#0A5F45",
    "added_bg": "#DDF3E9",
    "added_mark": "#A9DCC8",
    "removed": "#97171D",
    "removed_bg": "#FBE3E3",
    "removed_mark": "#F0B4B6",
    "simulated": "#6B4400",
    "simulated_bg": "#FFE2A6",
    "rehearsal": "#8A0F62",
    "rehearsal_bg": "#FBD5EC",
}

_BY_MODE = {Mode.DARK: DARK, Mode.LIGHT: LIGHT}

SPACE_XS, SPACE_S, SPACE_M, SPACE_L, SPACE_XL = 4, 8, 12, 16, 24
ROW, ROW_COMPACT, HEADER = 34, 26, 32
RAIL, RAIL_NARROW, DRAWER, TOP_BAR = 184, 56, 324, 56


def tokens(mode: Mode) -> Mapping[str, str]:
    return _BY_MODE[mode]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours `#RRGGBB` (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
