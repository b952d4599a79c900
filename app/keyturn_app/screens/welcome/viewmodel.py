"""The first page as a table of steps and frozen values. No passphrase is ever in here."""

import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from keyturn.base.signatures import Algorithm
from keyturn.quorum.kinds import Role
from keyturn_app import wording
from keyturn_app.fingerprint import is_whole, words
from keyturn_app.i18n import _
from keyturn_app.live.profiles import Environment
from keyturn_app.screens.welcome.cards import CardDraft, described
from keyturn_app.screens.welcome.joining import Joined, KeyChoice, KeyKind, Met
from keyturn_app.screens.welcome.passphrases import Strength, strength
from keyturn_app.screens.welcome.requesting import Requested, roster_entry

_OFFICER = re.compile(r"[a-z0-9-]*[a-z0-9][a-z0-9-]*\Z")
_PIN = re.compile(r"[0-9a-f]{64}\Z")


NO_KEY = KeyChoice(KeyKind.NEW_FILE, "", "")
NO_CARD = CardDraft()


class Step(Enum):
    SERVER = "server"
    AUTHORITY = "authority"
    KEY = "key"
    DONE = "done"


ORDER = tuple(Step)


class Standing(Enum):
    """How a step of the list on the left stands."""

    DONE = "done"
    NOW = "now"
    AHEAD = "ahead"


class Field(Enum):
    """Where an error belongs."""

    URL = "url"
    PIN = "pin"
    WORDS = "words"
    KEY = "key"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Draft:
    """What was entered so far."""

    url: str = "https://"
    pin: str = ""
    label: str = ""
    environment: Environment = Environment.PROD
    compared: bool = False
    key: KeyChoice = NO_KEY
    card: CardDraft = NO_CARD
    roles: frozenset[Role] = frozenset({Role.PROPOSER, Role.APPROVER})
    station: bool = False  # there is no server to connect to
    file: Path | None = None  # with the authority bundle
    typed: str = ""  # the fingerprint, as another officer told it


@dataclass(frozen=True, slots=True)
class StepView:
    title: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class KeyOption:
    """A kind of key; `why_not` says why it cannot be chosen here."""

    kind: KeyKind
    title: str
    text: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class WelcomeView:
    """`why_not`: why there is no going on yet, passphrases aside (see `needs`)."""

    step: Step
    steps: tuple[StepView, ...]
    draft: Draft
    next: str
    why_not: str
    can_back: bool
    busy: bool
    error: str
    error_field: Field
    words: tuple[str, ...]
    fingerprint: str  # exactly, to be copied
    grouped: str  # the same, for eyes
    simulated: bool
    officers: tuple[str, ...]  # who is in the roster, to recognise the authority by
    options: tuple[KeyOption, ...]
    asks_passphrase: bool
    asks_officer: bool
    imported: str
    cards: tuple[str, ...]  # keys found at the reader, to choose from
    card: int  # which of them is chosen, or -1
    entry: str  # what the others put into the roster
    request: bool  # whether there is anything to ask the others for
    request_why_not: str  # why it cannot be signed yet
    codes: tuple[str, ...]  # what each QR picture of the request says, while they are shown
    held: bool  # a station it must be: this process opens no connection
    standing: str  # whether the roster knows the key
    asks: bool  # whether there is a server to hand the request to
    ask_why_not: str
    asked: str  # what became of it; empty before


def titles(draft: Draft) -> dict[Step, str]:
    return {
        Step.SERVER: _("Bundle") if draft.station else _("Server"),
        Step.AUTHORITY: _("Authority"),
        Step.KEY: _("Your key"),
        Step.DONE: _("Ready"),
    }


def view_of(
    step: Step,
    draft: Draft,
    met: Met | None,
    joined: Joined | None,
    requested: Requested | None,
    *,
    codes: tuple[str, ...],
    keyring: bool | None,
    held: bool,
    busy: bool,
    error: str,
    error_field: Field,
) -> WelcomeView:
    at = ORDER.index(step)
    return WelcomeView(
        step=step,
        steps=tuple(_step(place, at, titles(draft)[each]) for place, each in enumerate(ORDER)),
        draft=draft,
        next=_next(step, draft),
        why_not=_why_not(step, draft, busy=busy),
        can_back=step in {Step.AUTHORITY, Step.KEY} and not busy,
        busy=busy,
        error=error,
        error_field=error_field,
        words=() if met is None else words(met.fingerprint),
        fingerprint="" if met is None else met.fingerprint,
        grouped="" if met is None else wording.grouped(met.fingerprint),
        simulated=met is not None and met.simulation,
        officers=() if met is None else _officers(met),
        options=_options(keyring),
        asks_passphrase=asks_passphrase(draft.key),
        asks_officer=_asks_officer(draft.key),
        imported=_imported(draft.key),
        cards=tuple(described(each) for each in draft.card.found),
        card=-1 if draft.card.chosen is None else draft.card.found.index(draft.card.chosen),
        entry="" if joined is None else entry_of(joined, draft),
        request=joined is not None and not joined.in_roster,
        request_why_not=_no_request(draft, busy=busy),
        codes=codes,
        held=held,
        standing="" if joined is None else _standing(joined),
        asks=joined is not None and _asks(joined),
        ask_why_not=_no_asking(draft, busy=busy, requested=requested),
        asked="" if requested is None else _asked(requested),
    )


def needs(view: WelcomeView, first: str, second: str) -> str:
    """Why the button cannot be pressed yet, what was typed as passphrase included."""
    if view.why_not or view.step is not Step.KEY or not view.asks_passphrase:
        return view.why_not
    if strength(first) is Strength.UNFIT:
        return _("Choose a passphrase for the key file.")
    if first != second:
        return _("Type the same passphrase twice.")
    return ""


def entry_of(joined: Joined, draft: Draft) -> str:
    """An item of `officers` in a roster, with what is asked for; the officers decide."""
    roles = frozenset[Role]() if joined.in_roster else draft.roles
    return json.dumps(roster_entry(joined, roles), indent=2, ensure_ascii=False)


def _asks(joined: Joined) -> bool:
    """Whether there is a server to ask, and anything to ask for."""
    return not joined.in_roster and not joined.known.profile.offline


def _no_asking(draft: Draft, *, busy: bool, requested: Requested | None) -> str:
    if requested is not None and not busy:
        return _("It was sent.")
    return _no_request(draft, busy=busy)


def _no_request(draft: Draft, *, busy: bool) -> str:
    if busy:
        return _("One moment…")
    return "" if draft.roles else _("Choose at least one role.")


def _asked(requested: Requested) -> str:
    said = words(requested.digest)
    lines = (" ".join(said[at : at + 4]) for at in range(0, len(said), 4))
    told = _(
        "Sent. The server keeps it until {until}. Call an officer and read this to them, so that "
        "they know that it is yours:"
    ).format(until=wording.moment(requested.until))
    return "\n".join([told, *lines, wording.grouped(requested.digest)])


def asks_passphrase(key: KeyChoice) -> bool:
    """For the file that is to be made; a card that the roster knows needs none."""
    card = key.kind is KeyKind.CARD and key.card is not None and key.public is None
    return card or key.kind is KeyKind.NEW_FILE


def cleaned_pin(typed: str) -> str:
    """As people copy it: with colons, spaces, capitals or a prefix."""
    return re.sub(r"[\s:]", "", typed.strip().lower().removeprefix("sha256:"))


def _step(place: int, at: int, title: str) -> StepView:
    if place == at:
        standing = Standing.DONE if ORDER[place] is Step.DONE else Standing.NOW
    else:
        standing = Standing.DONE if place < at else Standing.AHEAD
    return StepView(title, standing)


def _next(step: Step, draft: Draft) -> str:
    new = draft.key.kind in {KeyKind.NEW_FILE, KeyKind.NEW_KEYRING}
    return {
        Step.SERVER: _("Verify the bundle") if draft.station else _("Ask the server"),
        Step.AUTHORITY: _("Go on") if draft.station else _("The words are the same"),
        Step.KEY: _("Create the key and finish") if new else _("Finish"),
        Step.DONE: _("Open Keyturn"),
    }[step]


def _why_not(step: Step, draft: Draft, *, busy: bool) -> str:
    if busy:
        return _("One moment…") if draft.station else _("The server is being asked…")
    if step is Step.SERVER:
        return _no_bundle(draft) if draft.station else _no_server(draft)
    if step is Step.AUTHORITY and not draft.compared:
        if draft.station:
            return _("Look at the officers, and say that this is your authority.")
        return _("Compare the words with another officer first, and say so.")
    if step is Step.KEY:
        return _no_key(draft)
    return ""


def _no_server(draft: Draft) -> str:
    if not draft.url.startswith("https://") or len(draft.url) <= len("https://"):
        return _("Enter the server's address: https://host:port")
    if not _PIN.match(cleaned_pin(draft.pin)):
        return _("Enter the server's pin: 64 digits, as it printed them at its start.")
    return ""


def _no_bundle(draft: Draft) -> str:
    if draft.file is None:
        return _("Choose the file with the authority bundle.")
    if not is_whole(draft.typed):
        return _("Type the whole fingerprint: 64 digits, or the sixteen words.")
    return ""


def _no_key(draft: Draft) -> str:
    if not draft.label.strip():
        if draft.station:
            return _("Give the station a name that you will recognise.")
        return _("Give the server a name that you will recognise.")
    key = draft.key
    if key.kind is KeyKind.CARD and key.card is None:
        return _("Look for cards, and choose your key.")
    if key.kind is KeyKind.CARD and key.public is not None:
        return ""
    if key.kind is KeyKind.IMPORTED:
        return "" if key.public is not None else _("Choose your key file.")
    if not _OFFICER.match(key.officer) or len(key.officer) > 64:
        return _("Enter your officer id: small letters, digits and hyphens.")
    if not key.name.strip():
        return _("Enter your name, as the other officers know you.")
    return ""


def _asks_officer(key: KeyChoice) -> bool:
    if key.kind is KeyKind.CARD:
        return key.card is not None and key.public is None
    return key.kind in {KeyKind.NEW_FILE, KeyKind.NEW_KEYRING}


def _officers(met: Met) -> tuple[str, ...]:
    return tuple(sorted(each.name for each in met.authority.roster.officers.values()))


def _options(keyring: bool | None) -> tuple[KeyOption, ...]:
    no_keyring = {
        None: _("It is being found out whether this session has a keyring."),
        False: _("This session has no OS keyring."),
        True: "",
    }[keyring]
    return (
        KeyOption(
            KeyKind.NEW_FILE,
            _("New key in an encrypted file"),
            _("Opened by a passphrase. Keep a copy of the file elsewhere."),
        ),
        KeyOption(
            KeyKind.NEW_KEYRING,
            _("New key in this machine's keyring"),
            _("Opened with your login. It cannot be copied to another machine."),
            no_keyring,
        ),
        KeyOption(
            KeyKind.IMPORTED,
            _("A key file that I have"),
            _("It stays where it is."),
        ),
        KeyOption(
            KeyKind.CARD,
            _("PKCS#11 card"),
            _("A smart card or a token signs, and asks for its PIN."),
        ),
    )


def _imported(key: KeyChoice) -> str:
    if key.kind not in {KeyKind.IMPORTED, KeyKind.CARD} or key.public is None:
        return ""
    return _("Key {id} of {name} ({officer})").format(
        id=key.public.key_id[:16], name=key.public.name, officer=key.public.officer
    )


def _standing(joined: Joined) -> str:
    if joined.known.profile.offline:
        if joined.in_roster:
            return _("The roster of the bundle knows this key: you can sign at this station.")
        return _(
            "The roster of the bundle does not know this key. Carry the request below to another "
            "officer, who proposes a roster with you in it. What you sign before that counts "
            "for nothing."
        )
    if joined.in_roster:
        return _("The roster in force knows this key. You can sign in.")
    return _(
        "The roster does not know this key yet. Send the request below, or carry it as a file or "
        "pictures, to an officer, who proposes a roster with you in it. Until that is in force the "
        "server refuses to sign you in."
    )


ALGORITHMS = (Algorithm.ED25519, Algorithm.P256)


def role_words() -> dict[Role, str]:
    return {
        Role.PROPOSER: _("proposer"),
        Role.APPROVER: _("approver"),
        Role.CUSTODIAN: _("custodian"),
        Role.OPERATOR: _("operator"),
        Role.AUDITOR: _("auditor"),
        Role.WITNESS: _("witness"),
    }
