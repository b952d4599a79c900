"""Attestations and refusals over the last quarter of an hour, drawn by pyqtgraph."""

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QFrame, QSizePolicy

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.theme import colour, sans, theme
from keyturn_app.screens.fleet.attempts import INTERVAL, NOTHING_COUNTED, WINDOW, Series

_LEAST = 4
"""The axis never ends lower: one attestation is no mountain."""


class Trend(pg.PlotWidget):  # type: ignore[misc]
    """Shows a `Series`: already counted, a point for each interval, fixed ranges."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        menu = self.plotItem.ctrlMenu  # which would outlive us, and stay a window of its own
        menu.setParent(self, menu.windowFlags())
        self._series = NOTHING_COUNTED
        self._top = 0
        self.setObjectName("fleet.trend")
        self.hideButtons()
        self.setMouseEnabled(False, False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.setMinimumHeight(150)
        self.setXRange(-WINDOW, WINDOW * 0.06, padding=0)
        minutes = range(-WINDOW // 60, 1, 5)
        ticks = [
            (each * 60, _("{count} min").format(count=each) if each else _("now"))
            for each in minutes
        ]
        self.getAxis("bottom").setTicks([ticks])
        self._granted = self.plot(antialias=True)
        self._refused = self.plot(antialias=True)
        self._dress()
        theme().changed.connect(self._dress)

    def show_series(self, series: Series) -> None:
        if series == self._series:
            return
        self._series = series
        ends = list(series.ends)
        self._granted.setData(ends, list(series.granted))
        self._refused.setData(ends, list(series.refused))
        self._fit(max([*series.granted, *series.refused, _LEAST]))
        self.setAccessibleName(_("Attestations and refusals of the last 15 minutes"))
        granted, refused = sum(series.granted), sum(series.refused)
        self.setAccessibleDescription(
            n_("{count} attestation", "{count} attestations", granted)
            + ", "
            + n_("{count} refusal", "{count} refusals", refused)
        )

    def _fit(self, highest: int) -> None:
        """A round number above all of it; lower again only when it is far too high."""
        top = _round_above(highest)
        if top > self._top or top < self._top / 2:
            self._top = top
            self.setYRange(0, top, padding=0.04)
            step = max(1, top // 4)
            self.getAxis("left").setTicks([[(v, f"{v:,}") for v in range(0, top + 1, step)]])

    def _dress(self) -> None:
        self.setBackground(colour("surface"))
        line = colour("accent")
        fill = QColor(line)
        fill.setAlpha(38)
        self._granted.setPen(pg.mkPen(line, width=1.5))
        self._granted.setFillLevel(0)
        self._granted.setBrush(fill)
        dashed = Qt.PenStyle.DashLine
        self._refused.setPen(pg.mkPen(colour("danger"), width=1.5, style=dashed))
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setPen(colour("border"))
            axis.setTextPen(colour("muted"))
            axis.setTickFont(sans(11))
            axis.setStyle(tickLength=0)
        self.showGrid(y=True, alpha=0.12)


def title() -> str:
    return _("Attestations / {seconds} s").format(seconds=INTERVAL)


def _round_above(value: int) -> int:
    step: int = 4 * 10 ** max(0, len(str(value // 4)) - 1)
    return max(_LEAST, -(-value // step) * step)
