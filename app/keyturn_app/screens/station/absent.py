"""In the place of a page that shows what a server says: why it is not here."""

from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.widgets import EmptyState, column


class AbsentPage(Page):
    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("page.absent")
        self.setProperty("class", "Page")
        text = _(
            "This is an officer station: it asks no server, so nothing of this page can be known "
            "here. Approvals, Ceremonies and Officers are what a station has."
        )
        self.setLayout(column(EmptyState("wifi-off", _("Not at a station"), text)))

    @property
    def of_the_server(self) -> bool:
        return False


def build(context: PageContext) -> Page:  # noqa: ARG001 - a page's builder
    return AbsentPage()
