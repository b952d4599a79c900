"""Walks the first page's steps: asks the server, has the words compared, makes or takes a key."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm
from keyturn.client.card import CardKey
from keyturn.client.errors import MalformedProfile, PinMismatch, ServerUnreachable
from keyturn.client.qrparts import split
from keyturn.officerkeys.keypair import OfficerPublic
from keyturn.officerkeys.passphrase import MAXIMUM, MINIMUM
from keyturn.quorum.enrolment import parse_enrolment
from keyturn.quorum.kinds import Role
from keyturn.wire.tls import Pin, parse_pin
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.live.profiles import Environment, Known
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenFile, Passphrase, SaveFile
from keyturn_app.screens.welcome.cards import CardDraft, enrolled, look_for_cards
from keyturn_app.screens.welcome.joining import (
    Joined,
    Joiner,
    KeyChoice,
    KeyKind,
    Met,
    meet,
    public_of,
)
from keyturn_app.screens.welcome.requesting import Requested, needs_secret, request, signed
from keyturn_app.screens.welcome.stationing import WrongFingerprint, carried
from keyturn_app.screens.welcome.viewmodel import (
    ORDER,
    Draft,
    Field,
    Step,
    WelcomeView,
    asks_passphrase,
    cleaned_pin,
    view_of,
)
from keyturn_app.tasks import Cancelled, Door, Job

T = TypeVar("T")


class WelcomePresenter(Presenter[WelcomeView]):
    """`finished` is told the new seat; `cancelled` that nothing is left of this."""

    def __init__(
        self,
        joiner: Joiner,
        door: Door,
        asker: Asker,
        now: Callable[[], datetime],
        *,
        has_keyring: Callable[[], bool],
        station: bool = False,
        finished: Callable[[Known], None],
        cancelled: Callable[[], None],
    ) -> None:
        super().__init__()
        self._joiner = joiner
        self._door = door
        self._asker = asker
        self._now = now
        self._finished = finished
        self._cancelled = cancelled
        self._step = Step.SERVER
        self._draft = Draft(station=station)
        self._held = station
        self._met: Met | None = None
        self._joined: Joined | None = None
        self._requested: Requested | None = None
        self._signed: tuple[frozenset[Role], bytes] = (frozenset(), b"")
        self._codes: tuple[str, ...] = ()
        self._keyring: bool | None = None
        self._job: Job | None = None
        self._busy = False
        self._error, self._field = "", Field.NONE
        looking = door.run(
            _("Looking for a keyring"),
            lambda job, progress: has_keyring(),  # noqa: ARG005 - a door's work
            done=self._found_keyring,
            failed=lambda _error: self._found_keyring(False),
        )
        self.keep(looking.drop)

    def view(self) -> WelcomeView:
        return view_of(
            self._step,
            self._draft,
            self._met,
            self._joined,
            self._requested,
            codes=self._codes,
            keyring=self._keyring,
            held=self._held,
            busy=self._busy,
            error=self._error,
            error_field=self._field,
        )

    # ---- what is entered ----

    def set_url(self, text: str) -> None:
        self._enter(replace(self._draft, url=text.strip().rstrip("/")))

    def set_pin(self, text: str) -> None:
        self._enter(replace(self._draft, pin=text))

    def set_station(self, station: bool) -> None:
        """Whether this machine is to be an officer station, which has no server."""
        if self._step is Step.SERVER and not self._held:
            self._enter(replace(self._draft, station=station))

    def choose_bundle(self) -> None:
        """Ask for the file that the authority comes in."""
        kinds = (_("Authority bundles and proposal files (*.json)"), _("All files (*)"))
        self._asker.path(OpenFile(_("The file with the authority bundle"), kinds), self._chosen)

    def set_typed(self, text: str) -> None:
        """The authority's fingerprint, as another officer told it."""
        self._enter(replace(self._draft, typed=text[:1000]))

    def set_label(self, text: str) -> None:
        self._enter(replace(self._draft, label=text[:100]))

    def set_environment(self, environment: Environment) -> None:
        self._enter(replace(self._draft, environment=environment))

    def compare(self, compared: bool) -> None:
        """The officer says that another one read the same words."""
        self._enter(replace(self._draft, compared=compared))

    def choose_key(self, kind: KeyKind) -> None:
        """What cannot be chosen is not; another kind forgets an imported file."""
        if any(each.kind is kind and each.why_not for each in self.view().options):
            return
        key = self._draft.key
        if kind is not key.kind:
            fresh = KeyChoice(kind, "", "") if key.public else replace(key, kind=kind, card=None)
            card = replace(self._draft.card, found=(), chosen=None)
            self._enter(replace(self._draft, key=fresh, card=card))

    def set_officer(self, text: str) -> None:
        self._enter_key(replace(self._draft.key, officer=text.strip()))

    def set_name(self, text: str) -> None:
        self._enter_key(replace(self._draft.key, name=text[:200]))

    def set_algorithm(self, algorithm: Algorithm) -> None:
        self._enter_key(replace(self._draft.key, algorithm=algorithm))

    def import_key(self) -> None:
        """Ask for the file; what it says of itself is shown."""
        question = OpenFile(_("Your key file"), (_("Key files (*.key)"), _("All files (*)")))
        self._asker.path(question, self._import_from)

    # ---- a card ----

    def set_module(self, text: str) -> None:
        """Where the card's PKCS#11 module lies; empty: where modules usually lie."""
        self._enter_card(self._draft.card.typed(module=text))

    def set_token(self, text: str) -> None:
        self._enter_card(self._draft.card.typed(token=text))

    def set_card_key(self, text: str) -> None:
        self._enter_card(self._draft.card.typed(key=text))

    def look_for_cards(self) -> None:
        """At the readers, without a PIN; modules are slow."""
        draft = self._draft.card

        def work(job: Job) -> tuple[CardKey, ...]:
            found = look_for_cards(draft)
            job.check()
            return found

        if self._step is Step.KEY and self._draft.key.kind is KeyKind.CARD and not self._busy:
            self._run(_("Looking for cards"), work, self._has_cards)

    def choose_card(self, place: int) -> None:
        """One of those found."""
        found = self._draft.card.found
        if 0 <= place < len(found):
            self._enter_card(self._draft.card.with_chosen(found[place]))

    # ---- going on, back and away ----

    def next(self, passphrase: bytearray | None = None, again: bytearray | None = None) -> None:
        """Both are wiped: `again` now, `passphrase` once the key is made."""
        first, second = passphrase or bytearray(), again or bytearray()
        if self.view().why_not or self._step is not Step.KEY:
            _wipe(first)
            if not self.view().why_not:
                self._onward()
        else:
            self._join(first, second)
        _wipe(second)

    def back(self) -> None:
        if self.view().can_back:
            self._go(ORDER[ORDER.index(self._step) - 1])

    def cancel(self) -> None:
        """Before the last step nothing is kept. A key that is just being made is unmade first."""
        if self._step is Step.DONE:
            return
        if self._step is Step.KEY and self._job is not None:
            self._job.cancel()
            return
        self._drop()
        self._cancelled()

    # ---- asking to be taken in ----

    def ask_role(self, role: Role, wanted: bool) -> None:
        """For the entry and for the request; what was sent stays as it was sent."""
        if self._requested is None:
            roles = self._draft.roles | {role} if wanted else self._draft.roles - {role}
            self._codes = ()
            self._enter(replace(self._draft, roles=roles))

    def send_request(self) -> None:
        """Sign and send it; the key's secret is asked for, and not kept."""
        view, joined = self.view(), self._joined
        if joined is not None and view.asks and not view.ask_why_not:
            self._ask_secret(joined, lambda secret: self._send(joined, secret))

    def _ask_secret(self, joined: Joined, use: Callable[[bytearray | None], None]) -> None:
        if not needs_secret(joined):
            use(bytearray())
            return
        question = Passphrase(
            _("Sign the request"),
            _("The passphrase or PIN of the key of {officer}.").format(
                officer=joined.public.officer
            ),
        )
        self._asker.passphrase(question, use)

    def _send(self, joined: Joined, secret: bytearray | None) -> None:
        if secret is None:
            return
        roles, now = self._draft.roles, self._now()

        def sent(requested: Requested) -> None:
            self._requested = requested
            self._signed, self._codes = (roles, requested.raw), ()
            self.changed()

        self._run(
            _("Sending the request"),
            lambda job: request(job, self._joiner, joined, roles, secret, now),
            sent,
            secret,
        )

    def save_entry(self) -> None:
        """The roster entry as a file."""
        if self._joined is None:
            return
        entry = self.view().entry
        suggested = f"{self._joined.public.officer}-roster-entry.json"
        self._asker.path(
            SaveFile(_("Save the roster entry"), suggested),
            lambda path: self._save(path, f"{entry}\n".encode()),
        )

    def save_request(self) -> None:
        """The signed request as a file."""
        self._with_request(self._save_request)

    def show_codes(self) -> None:
        """The signed request as QR codes; once more, and they are gone."""
        if self._codes:
            self._show_codes(b"")
        else:
            self._with_request(self._show_codes)

    def _with_request(self, use: Callable[[bytes], None]) -> None:
        """What was signed for these roles; else the key's secret is asked for, and not kept."""
        view, joined = self.view(), self._joined
        if joined is None or not view.request or view.request_why_not:
            return
        roles, raw = self._signed
        if raw and roles == self._draft.roles:
            use(raw)
        else:
            self._ask_secret(joined, lambda secret: self._sign(joined, secret, use))

    def _sign(self, joined: Joined, secret: bytearray | None, use: Callable[[bytes], None]) -> None:
        if secret is None:
            return
        roles, now = self._draft.roles, self._now()

        def done(raw: bytes) -> None:
            self._signed = (roles, raw)
            self.changed()
            use(raw)

        self._run(
            _("Signing the request"),
            lambda job: signed(job, joined, roles, secret, now),
            done,
            secret,
        )

    def _save_request(self, raw: bytes) -> None:
        if self._joined is not None:
            suggested = f"{self._joined.public.officer}-enrolment.json"
            question = SaveFile(_("Save the request"), suggested)
            self._asker.path(question, lambda path: self._save(path, raw))

    def _show_codes(self, raw: bytes) -> None:
        self._codes = split(raw) if raw else ()
        self.changed()

    def close(self) -> None:
        self._drop()
        super().close()

    # ---- inside ----

    def _enter(self, draft: Draft) -> None:
        if not self._busy and draft != self._draft:
            self._draft = draft
            self._error, self._field = "", Field.NONE
            self.changed()

    def _enter_key(self, key: KeyChoice) -> None:
        """Of a new key; what a file says of itself is not written over."""
        if self._draft.key.public is None:
            self._enter(replace(self._draft, key=key))

    def _enter_card(self, card: CardDraft) -> None:
        """Whose key it is, the roster says where it knows; else the officer does."""
        if self._draft.key.kind is not KeyKind.CARD:
            return
        self._enter(replace(self._draft, card=card, key=self._of_card(card.chosen)))

    def _of_card(self, chosen: CardKey | None) -> KeyChoice:
        met, key = self._met, self._draft.key
        whose = None
        if chosen is not None and met is not None:
            whose = enrolled(met.authority.roster, chosen)
        if whose is not None:
            return KeyChoice(
                KeyKind.CARD, whose.officer, whose.name, whose.algorithm, None, whose, chosen
            )
        if key.public is not None:
            return KeyChoice(KeyKind.CARD, "", "", card=chosen)
        return replace(key, card=chosen)

    def _has_cards(self, found: tuple[CardKey, ...]) -> None:
        self._enter_card(self._draft.card.with_found(found))

    def _onward(self) -> None:
        if self._step is Step.SERVER:
            self._meet()
        elif self._step is Step.AUTHORITY:
            self._go(Step.KEY)
        elif self._joined is not None:
            self._finished(self._joined.known)

    def _chosen(self, path: Path | None) -> None:
        if path is not None:
            self._enter(replace(self._draft, file=path))

    def _meet(self) -> None:
        draft, now, reach = self._draft, self._now(), self._joiner.reach
        if draft.station:
            self._run(_("Verifying the bundle"), lambda _job: self._carried(draft), self._has_met)
            return
        pin = parse_pin(cleaned_pin(draft.pin))
        self._run(
            _("Asking the server"), lambda _job: meet(draft.url, pin, now, reach), self._has_met
        )

    def _carried(self, draft: Draft) -> Met:
        """Raises FileUnusable, MalformedAnswer, WrongFingerprint, ServerLied."""
        assert draft.file is not None  # `why_not` said so
        bundle, authority = carried(draft.file, draft.typed, self._now())
        return Met("", Pin(""), authority.fingerprint, authority, "", bundle)

    def _has_met(self, met: Met) -> None:
        if self._met is None or self._met.fingerprint != met.fingerprint:
            environment = Environment.DEMO if met.simulation else self._draft.environment
            host = _("Station") if met.station else urlsplit(met.url).hostname or ""
            label = self._draft.label or host
            self._draft = replace(self._draft, compared=False, environment=environment, label=label)
        self._met = met
        self._go(Step.AUTHORITY)

    def _join(self, passphrase: bytearray, again: bytearray) -> None:
        met, draft, now = self._met, self._draft, self._now()
        fit = not asks_passphrase(draft.key) or _fit(passphrase, again)
        if met is None or not fit:
            _wipe(passphrase)
            self._say(_("The passphrases differ, or are too short."), Field.KEY)
            return

        def work(job: Job) -> Joined:
            label = draft.label.strip()
            return self._joiner.join(job, met, draft.key, label, draft.environment, passphrase, now)

        self._run(_("Making the key"), work, self._has_joined, passphrase)

    def _has_joined(self, joined: Joined) -> None:
        self._joined = joined
        if joined.request:
            self._signed = (parse_enrolment(joined.request).officer.roles, joined.request)
        self._go(Step.DONE)

    def _run(
        self,
        label: str,
        work: Callable[[Job], T],
        done: Callable[[T], None],
        secret: bytearray | None = None,
    ) -> None:
        """One at a time; the door may have ended it before it returns."""

        def finish(found: T) -> None:
            self._busy, self._job = False, None
            done(found)

        def fail(error: KeyturnError) -> None:
            self._busy, self._job = False, None
            if secret is not None:
                _wipe(secret)
            if isinstance(error, Cancelled) and self._step is not Step.DONE:
                self._cancelled()
            else:
                self._say(wording.error_text(error), _field_of(error, self._step))

        self._busy = True
        self._error, self._field = "", Field.NONE
        job = self._door.run(
            label,
            lambda job, progress: work(job),  # noqa: ARG005 - nothing to report
            done=finish,
            failed=fail,
        )
        self._job = job if self._busy else None
        self.changed()

    def _say(self, error: str, field: Field) -> None:
        self._error, self._field = error, field
        self.changed()

    def _go(self, step: Step) -> None:
        self._step = step
        self._error, self._field = "", Field.NONE
        self.changed()

    def _found_keyring(self, found: bool) -> None:
        self._keyring = found
        self.changed()

    def _import_from(self, path: Path | None) -> None:
        if path is None or self._step is not Step.KEY:
            return
        try:
            public = public_of(path)
        except KeyturnError as error:
            self._say(wording.error_text(error), Field.KEY)
            return
        self._enter(replace(self._draft, key=_imported(path, public)))

    def _save(self, path: Path | None, data: bytes) -> None:
        if path is None:
            return
        try:
            path.write_bytes(data)
        except OSError as error:
            why = _("Cannot write {path}: {why}").format(path=path, why=error.strerror)
            self._say(why, Field.NONE)
        else:
            self._asker.toast(_("Saved to {path}").format(path=path))

    def _drop(self) -> None:
        if self._job is not None:
            self._job.drop()
            self._busy, self._job = False, None


def _imported(path: Path, public: OfficerPublic) -> KeyChoice:
    return KeyChoice(KeyKind.IMPORTED, public.officer, public.name, public.algorithm, path, public)


def _fit(first: bytearray, second: bytearray) -> bool:
    return first == second and MINIMUM <= len(first) <= MAXIMUM


def _wipe(secret: bytearray) -> None:
    secret[:] = bytes(len(secret))


def _field_of(error: KeyturnError, step: Step) -> Field:
    if isinstance(error, WrongFingerprint):
        return Field.WORDS
    if isinstance(error, PinMismatch):
        return Field.PIN
    if isinstance(error, ServerUnreachable | MalformedProfile):
        return Field.URL
    return {Step.SERVER: Field.URL, Step.KEY: Field.KEY}.get(step, Field.NONE)
