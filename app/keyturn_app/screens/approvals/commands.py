"""What the page can do, for the palette and the keyboard. No Qt."""

from collections.abc import Callable

from keyturn.quorum.approvals import Decision
from keyturn_app.actions import Action
from keyturn_app.i18n import _
from keyturn_app.screens.approvals.drafting import DraftPresenter
from keyturn_app.screens.approvals.presenter import ApprovalsPresenter

PAGE = "approvals"


def commands(
    page: ApprovalsPresenter, drafts: DraftPresenter, find: Callable[[], None]
) -> tuple[Action, ...]:
    """`find` puts the cursor into the search field. Letters work outside of text fields."""

    def act(
        name: str,
        text: str,
        run: Callable[[], None],
        shortcut: str = "",
        icon: str = "",
        why_not: Callable[[], str] = lambda: "",
    ) -> Action:
        return Action(f"{PAGE}.{name}", text, run, shortcut, icon, PAGE, why_not)

    def in_draft() -> str:
        return _("A draft is open.") if drafts.view() is not None else ""

    def no_rows() -> str:
        return in_draft() or ("" if page.view().rows else _("The list is empty."))

    def not_selected() -> str:
        return in_draft() or ("" if page.view().selected else _("Nothing is selected."))

    def nothing_open() -> str:
        return in_draft() or ("" if page.case() is not None else _("Open a proposal first."))

    return (
        act("next", _("Next proposal"), lambda: page.step(1), "J", "chevron-down", no_rows),
        act("previous", _("Previous proposal"), lambda: page.step(-1), "K", "chevron-up", no_rows),
        act("open", _("Open the selected proposal"), page.open, "O", "eye", not_selected),
        act("back", _("Back to all proposals"), page.back, "Backspace", "arrow-left", nothing_open),
        act(
            "approve",
            _("Approve the open proposal"),
            page.approve,
            "A",
            "fingerprint",
            lambda: in_draft() or page.why_not(Decision.APPROVE),
        ),
        act(
            "reject",
            _("Reject the open proposal"),
            page.reject,
            "R",
            "x",
            lambda: in_draft() or page.why_not(Decision.REJECT),
        ),
        act("search", _("Search proposals"), find, "/", "search", in_draft),
        act(
            "new",
            _("New proposal"),
            drafts.start,
            "N",
            "plus",
            lambda: in_draft() or page.propose_offer().why_not,
        ),
        act("openfile", _("Open a proposal's file"), page.open_file, "", "folder-open"),
        act("paste", _("Paste a picture of a proposal"), page.paste, "", "clipboard"),
        act(
            "pictures",
            _("Show the open proposal as QR pictures"),
            page.show_pictures,
            "",
            "qr-code",
            nothing_open,
        ),
        act("export", _("Export the open proposal"), page.export, "", "download", nothing_open),
    )
