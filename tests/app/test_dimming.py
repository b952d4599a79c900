"""Dimmed is what grows old without the server, and nothing else."""

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from keyturn_app.qtkit.pages import Page, PageContext, PageSpec
from keyturn_app.shell.host import PageHost


class FromAFile(Page):
    @property
    def of_the_server(self) -> bool:
        return False


@pytest.mark.parametrize(("page", "dimmed"), [(Page, True), (FromAFile, False)])
def test_only_what_is_of_the_server_is_dimmed(qtbot: QtBot, page: type[Page], dimmed: bool) -> None:
    host = PageHost(lambda _: None)
    qtbot.addWidget(host)
    spec = PageSpec("page", lambda: "Page", "box", lambda _: page())
    context = PageContext(*[None] * 6)  # type: ignore[arg-type]
    host.show_page(spec, context)
    veil = host.findChild(QWidget, "host.veil")
    assert veil is not None

    host.set_dimmed(True)
    assert veil.isHidden() != dimmed
    host.set_dimmed(False)
    assert veil.isHidden()
    host.close_pages()
