"""One officer signs one step at this desk: key, share, what is entered, signature. No Qt in here.

The key is open from its passphrase to the signature and not a moment longer; a share's words are
held between its custodian's confirmation and the next page, masked unless they are asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic

from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.ceremony.checks import MAX_BAG
from keyturn.ceremony.hostphrase import HOST_ENTRY
from keyturn.ceremony.phrases import as_phrase
from keyturn.ceremony.script import Entered, EnteredKind, ShareUse
from keyturn.ceremony.sharewords import EntryState, Feedback, feedback, joined
from keyturn.client.ceremonytrust import HOST_TRUSTED
from keyturn.client.signing import Unlocked, unlock
from keyturn.officerkeys.errors import KeyMismatch
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation, parse_location
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.roster import Officer
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenFile
from keyturn_app.screens.ceremonies.hosts import (
    CeremonyDoor,
    CeremonyHost,
    HostWords,
    OwnShare,
    StepWords,
)
from keyturn_app.screens.ceremonies.sheeting import Sheets
from keyturn_app.screens.ceremonies.signingview import (
    SHOWN_SECONDS,
    EntryView,
    FieldView,
    KeyPlace,
    KeyView,
    Page,
    ShareView,
    SignView,
    StatementLine,
    field_view,
)
from keyturn_app.screens.ceremonies.turns import Turn, box_key, pages_of
from keyturn_app.screens.ceremonies.words import part_word, share_words, use_of, use_word
from keyturn_app.tasks import Door


@dataclass(slots=True)
class _Secrets:
    """What must be wiped. `words` of the share that is shown, and until when."""

    key: Unlocked | None = None
    words: bytearray = field(default_factory=bytearray)
    until: float = 0.0

    def forget_words(self) -> None:
        self.words[:] = bytes(len(self.words))
        self.words = bytearray()
        self.until = 0.0

    def forget(self) -> None:
        self.forget_words()
        key, self.key = self.key, None
        if key is not None:
            key.close()


class SignPresenter(Presenter[SignView]):
    """`closed(True)` after the signature is with the host, `closed(False)` when turned down."""

    def __init__(
        self,
        turn: Turn,
        host: CeremonyDoor,
        door: Door,
        asker: Asker,
        now: Callable[[], datetime],
        *,
        own: Signer | None,
        closed: Callable[[bool], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__()
        self._turn, self._host, self._door, self._asker = turn, host, door, asker
        self._now, self._own, self._closed, self._clock = now, own, closed, clock
        self._place = KeyPlace.OPEN if own is not None else KeyPlace.FILE
        self._text = ""
        self._entered: dict[str, str] = {}
        self._sealed: dict[str, bytes] = {}
        self._seen: set[int] = set()
        self._secrets = _Secrets()
        self._pages = pages_of(turn)
        self.sheets = Sheets(door, asker, now, self.changed)
        self._words: HostWords | None = None
        self._at = 0
        self._busy = self._error = self._check = ""
        self._over = False
        self._drops: list[Callable[[], None]] = []

    def view(self) -> SignView:
        turn, page = self._turn, self._page
        return SignView(
            page=page,
            title=_("Sign as {name}").format(name=turn.officer.name),
            step=turn.step.title,
            place=_("{place} of {all}").format(place=self._at + 1, all=len(self._pages)),
            says=self._says(page),
            key=self._key_view() if page is Page.KEY else None,
            share=self._share_view() if page is Page.SHOW else None,
            sheet=self.sheets.view(),
            entry=self._entry_view() if page is Page.ENTER else None,
            host_words=tuple(self._host_words().split()) if page is Page.COMPARE else (),
            fields=self._fields() if page is Page.FORM else (),
            statements=self._statements() if page is Page.FORM else (),
            signs=self._signs() if page is Page.FORM else (),
            next_text=self._next_text(page),
            why_not=self._why_not(),
            busy=self._busy,
            error=self._error,
        )

    # ---- the key ----

    def choose_place(self, place: KeyPlace) -> None:
        self._place, self._text, self._error = place, "", ""
        self.changed()

    def write_place(self, text: str) -> None:
        """The key file's path, or a card's place."""
        if text != self._text:
            self._text = text
            self.changed()

    def browse(self) -> None:
        self._asker.path(
            OpenFile(_("Key file of {name}").format(name=self._turn.officer.name)), self._browsed
        )

    def unlock(self, secret: bytearray) -> None:
        """Open the key; `secret` is wiped whatever happens."""
        if self._page is not Page.KEY or self._busy or self._why_not():
            secret[:] = bytes(len(secret))
            return
        if self._place is KeyPlace.OPEN and self._own is not None:
            secret[:] = bytes(len(secret))
            own = self._own
            self._opened(Unlocked(own, lambda: None))
            return
        try:
            location = self._location()
        except MalformedError as error:
            secret[:] = bytes(len(secret))
            self._fail(error)
            return
        officer = self._turn.officer
        self._start(_("The key is being opened…"))
        job = self._door.run(
            _("open an officer's key"),
            lambda _job, _tell: opened_for(location, officer, secret),
            done=self._opened,
            failed=self._fail,
        )
        self._drops.append(job.drop)

    # ---- the share ----

    def reveal(self) -> None:
        """Show the words, for a while; only on their custodian's page."""
        if self._page is Page.SHOW and self._secrets.words:
            self._secrets.until = self._clock() + SHOWN_SECONDS
            self._seen.add(self._at)
            self.changed()

    def mask(self) -> None:
        """On Esc, when the focus goes elsewhere, when the time is over."""
        if self._secrets.until:
            self._secrets.until = 0.0
            self.changed()

    def tick(self) -> None:
        """A second went by."""
        if self._secrets.until:
            if self._clock() >= self._secrets.until:
                self._secrets.until = 0.0
            self.changed()

    def feedback(self, typed: list[str]) -> Feedback:
        """What is to be said of the words so far. Nothing of them is kept here."""
        return feedback(typed, self._count())

    def hand_in(self, typed: list[str]) -> None:
        """Seal the share to the host's key; the words end here."""
        if self._page is not Page.ENTER or self._busy:
            return
        if feedback(typed, self._count()).state is not EntryState.RIGHT:
            self._error = _("That is no share yet: look at the marked words.")
            self.changed()
            return
        words, use = joined(typed), self._use()
        told, officer = self._turn.told, self._turn.officer.id
        compared = self._host_words() or None
        self._start(_("The share is being sealed to the host…"))
        self._drops.append(
            self._host.ask(
                lambda host: host.seal_share(told, use, officer, words, compared),
                done=lambda sealed: self._is_sealed(use.value, sealed),
                failed=self._fail,
            )
        )

    # ---- what is entered, and on ----

    def enter(self, name: str, value: str) -> None:
        if self._entered.get(name) != value:
            self._entered[name] = value
            self.changed()

    def forward(self) -> None:
        """To the next page, or sign. Pages with a secret have their own ways on."""
        if self._busy or self._why_not() or self._page in {Page.KEY, Page.ENTER}:
            return
        if self._page is Page.FORM:
            self._sign()
        else:
            self._go_on()

    def cancel(self) -> None:
        """Nothing was signed; the key is closed and the share forgotten."""
        self._end(False)

    def close(self) -> None:
        self._over = True
        for drop in self._drops:
            drop()
        self.sheets.withdraw()
        self._secrets.forget()
        self._sealed.clear()
        super().close()

    # ---- inside ----

    @property
    def _page(self) -> Page:
        return self._pages[self._at][0]

    def _use(self) -> ShareUse:
        found = use_of(self._pages[self._at][1])
        assert found is not None  # pages are made of uses
        return found

    def _count(self) -> int:
        return share_words(self._use())

    def _location(self) -> KeyLocation:
        text = self._text.strip()
        if self._place is KeyPlace.FILE:
            return InFile(Path(text).expanduser())
        if self._place is KeyPlace.KEYRING:
            return InKeyring(self._turn.officer.id)
        return parse_location(text if text.startswith("card:") else f"card:{text}")

    def _browsed(self, path: Path | None) -> None:
        if path is not None and not self._over:
            self.write_place(str(path))

    def _opened(self, key: Unlocked) -> None:
        if self._over:
            key.close()
            return
        self._secrets.key = key
        if not self._turn.uses:
            self._busy = ""
            self._go_on()
            return
        told = self._turn.told
        self._start(_("The host is being looked at…"))
        self._drops.append(
            self._host.ask(
                lambda host: host.to_compare(told), done=self._compare, failed=self._not_taken
            )
        )

    def _compare(self, words: HostWords | None) -> None:
        """Before a share: the host is vouched for, or somebody compares its words first."""
        if self._over:
            return
        self._busy, self._words = "", words
        others = [each for each in self._pages if each[0] is not Page.COMPARE]
        if words is not None:
            others.insert(1, (Page.COMPARE, ""))
        self._pages = tuple(others)
        self._go_on()

    def _host_words(self) -> str:
        return self._words.phrase if self._words is not None else ""

    def _go_on(self) -> None:
        self.sheets.withdraw()
        self._secrets.forget_words()
        self._at += 1
        self._error = ""
        if self._page is Page.FORM:
            self._fill_in_bags()
        self.changed()
        if self._page is Page.SHOW:
            self._open_box()

    def _fill_in_bags(self) -> None:
        """What was printed as a bag's number is entered as one, where the step asks for it."""
        for each in self._turn.fields:
            if each.kind is EnteredKind.BAG and self.sheets.bags:
                self._entered.setdefault(each.name, ", ".join(self.sheets.bags)[:MAX_BAG])

    def _open_box(self) -> None:
        turn, key = self._turn, self._secrets.key
        box = next((each for each in turn.boxes if box_key(each) == self._pages[self._at][1]), None)
        if key is None or box is None:
            return
        signer, told = key.signer, turn.told
        self._start(_("The share is being opened…"))
        self._drops.append(
            self._host.ask(
                lambda host: host.open_box(told, box, signer),
                done=self._has_words,
                failed=self._fail,
            )
        )

    def _has_words(self, share: OwnShare) -> None:
        if self._over or self._page is not Page.SHOW:
            share.words[:] = bytes(len(share.words))
            return
        self._secrets.words, self._check = share.words, share.check
        self.sheets.offer(share)
        self._busy = ""
        self.changed()

    def _is_sealed(self, use: str, sealed: bytes) -> None:
        self._sealed[use] = sealed
        self._busy = ""
        self._go_on()

    def _sign(self) -> None:
        key = self._secrets.key
        if key is None:
            return
        turn, now, secrets = self._turn, self._now(), self._secrets
        entered = {each.name: self._value(each) for each in turn.fields}
        entered |= {HOST_ENTRY: self._host_words()} if turn.uses else {}
        words = StepWords(
            turn.part,
            {name: value for name, value in entered.items() if value},
            tuple(self._sealed[use.value] for use in turn.uses),
            turn.unlocks,
        )
        self._start(_("Being signed…"))

        def work(host: CeremonyHost) -> None:
            try:
                host.sign(turn.told, key.signer, words, now)
            finally:
                secrets.forget()  # the key has done its work, whatever the host says

        self._drops.append(
            self._host.ask(work, done=lambda _none: self._end(True), failed=self._not_taken)
        )

    def _value(self, field_of: Entered) -> str:
        """In the spelling that is signed: a phrase in lower case, with single spaces."""
        typed = self._entered.get(field_of.name, "").strip()
        return as_phrase(typed) if field_of.kind is EnteredKind.PHRASE else typed

    def _not_taken(self, error: KeyturnError) -> None:
        """The host refused: the key is closed, so all begins again."""
        self.sheets.withdraw()
        self._secrets.forget()
        self._sealed.clear()
        self._at = 0
        self._fail(error)

    def _end(self, signed: bool) -> None:
        if not self._over:
            self.close()
            self._closed(signed)
            self.sheets.remind()

    def _start(self, text: str) -> None:
        self._busy, self._error = text, ""
        self.changed()

    def _fail(self, error: KeyturnError) -> None:
        if not self._over:
            self._busy, self._error = "", wording.error_text(error)
            self.changed()

    # ---- what is shown ----

    def _says(self, page: Page) -> str:
        name = self._turn.officer.name
        return {
            Page.KEY: _("{name} opens their own key. It is closed again with the signature."),
            Page.COMPARE: self._compare_text(),
            Page.ALONE: _(
                "Is {name} alone at this screen? Nobody else may see it: no other person, no "
                "camera, no shared screen."
            ),
            Page.SHOW: _("Write the words down in their order. Compare each with your sheet."),
            Page.ENTER: _("Type the words from the sheet. A few letters of each are enough."),
            Page.FORM: self._turn.step.says,
        }[page].format(name=name)

    def _compare_text(self) -> str:
        told = self._words is not None and self._words.told
        where = (
            _("This app started the host, and was told these words by it.")
            if told
            else _(
                "The host shows its words on the terminal where it was started. Read them there."
            )
        )
        return _(
            "{caveat}: nothing signs this host's key, because the keyholder's own key is lost. "
            "{where} Only if every word is the same is it the host that this restore is held at. "
            "Your yes is recorded with your share."
        ).format(caveat=HOST_TRUSTED, where=where)

    def _key_view(self) -> KeyView:
        own = self._own is not None
        places = [
            (KeyPlace.FILE, _("Key file"), ""),
            (KeyPlace.KEYRING, _("Keyring of this machine"), ""),
            (KeyPlace.CARD, _("Card"), ""),
        ]
        if own:
            places.insert(0, (KeyPlace.OPEN, _("The key that is open in this app"), ""))
        title = {
            KeyPlace.FILE: _("Path of the key file"),
            KeyPlace.CARD: _("Card, as MODULE:TOKEN:KEY"),
        }.get(self._place, "")
        secret = {KeyPlace.FILE: _("Passphrase of the key"), KeyPlace.CARD: _("PIN of the card")}
        return KeyView(tuple(places), self._place, self._text, title, secret.get(self._place, ""))

    def _share_view(self) -> ShareView:
        use = self._pages[self._at][1].partition("/")[0]
        known = use_of(use)
        words = self._secrets.words
        shown = bool(self._secrets.until and words)
        count = share_words(known) if known else 0
        return ShareView(
            title=_("Share of the {use}").format(use=use_word(known) if known else use),
            count=count,
            words=tuple(words.decode().split()) if shown else (),
            shown=shown,
            seconds=max(0, round(self._secrets.until - self._clock())) if shown else 0,
            seen=self._at in self._seen,
            check=self._check,
        )

    def _entry_view(self) -> EntryView:
        text = _("Share of the {use}").format(use=use_word(self._use()))
        return EntryView(text, self._count())

    def _fields(self) -> tuple[FieldView, ...]:
        return tuple(
            field_view(
                each.name,
                each.kind,
                each.label,
                self._entered.get(each.name, ""),
                required=each.required,
                previous=self._turn.place.previous,
            )
            for each in self._turn.fields
        )

    def _statements(self) -> tuple[StatementLine, ...]:
        words = {"propose": _("Propose {kind}"), "approve": _("Approve {kind}")}
        return tuple(
            StatementLine(
                words.get(each.role, "{kind}").format(kind=each.kind),
                digest_of(each.payload),
                each.payload.decode("utf-8", errors="replace"),
            )
            for each in self._turn.statements
        )

    def _signs(self) -> tuple[tuple[str, str, bool], ...]:
        """What the signature is over, in so many words."""
        turn = self._turn
        rows = [
            (_("As"), f"{turn.officer.name} ({part_word(turn.part)})", False),
            (_("Step"), turn.step.title, False),
            (_("After"), wording.digest(turn.place.previous), True),
        ]
        if turn.uses:
            names = ", ".join(use_word(each) for each in turn.uses)
            rows.append((_("Share"), _("entered and sealed: {uses}").format(uses=names), False))
        return tuple(rows)

    def _next_text(self, page: Page) -> str:
        return {
            Page.KEY: _("Open the key"),
            Page.COMPARE: _("Every word is the same"),
            Page.ALONE: _("Yes, alone"),
            Page.SHOW: _("I wrote it down"),
            Page.ENTER: _("Hand the share in"),
            Page.FORM: _("Sign"),
        }[page]

    def _why_not(self) -> str:
        if self._busy:
            return self._busy
        if self._page is Page.KEY:
            return self._no_key()
        if self._page is Page.SHOW and self._at not in self._seen:
            return _("Show the words first.")
        if self._page is Page.FORM:
            return self._unfit()
        return ""

    def _no_key(self) -> str:
        if self._place in {KeyPlace.FILE, KeyPlace.CARD} and not self._text.strip():
            return _("Say where the key is.")
        return ""

    def _unfit(self) -> str:
        """Why what is entered will not do yet."""
        for each in self._fields():
            if each.problem:
                return each.problem
            if each.required and not each.good:
                if each.kind is EnteredKind.PHRASE:
                    return _("Type the phrase that was read aloud.")
                return _("Fill in: {label}").format(label=each.label)
        return ""


def opened_for(location: KeyLocation, officer: Officer, secret: bytearray) -> Unlocked:
    """The key, if the roster says that it is this officer's. Raises KeyMismatch."""
    opened = unlock(location, officer.id, secret)
    known = {each.key_id for each in officer.keys}
    if opened.signer.key_id in known:
        return opened
    found = opened.signer.key_id
    opened.close()
    raise KeyMismatch(
        "this is not the key that the roster has for this officer",
        found=found[:16],
        expected=", ".join(sorted(each[:16] for each in known)),
    )
