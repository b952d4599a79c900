"""Proposing a roster change by hand: each wish tried at once, refused before anybody signs. No Qt.

The rules are the keyholder's own (`parse_roster`), run on the body that would be signed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.client.proposals import Proposal
from keyturn.client.rosteredit import RosterEdit, check
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.separation import Pair
from keyturn.quorum.state import AuthorityState
from keyturn_app.desk import Desk, Topic
from keyturn_app.entitled import not_allowed
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Confirm, Confirmed, Weight, failure
from keyturn_app.screens.officers import changing, wishing
from keyturn_app.screens.officers.composing import roles_text
from keyturn_app.screens.officers.viewmodel import role_name
from keyturn_app.screens.officers.wishing import Fate
from keyturn_app.wording import kind_name

PAIRS: tuple[Pair, ...] = tuple(frozenset(each) for each in combinations(Role, 2))


@dataclass(frozen=True, slots=True)
class KeyLine:
    id: KeyId
    text: str
    fate: Fate


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One officer as they would be; `differs` from what is in force."""

    id: OfficerId
    name: str
    roles: tuple[tuple[Role, str, bool], ...]
    roles_text: str
    keys: tuple[KeyLine, ...]
    removed: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class KindLine:
    """`most`: how many approvers there would be."""

    kind: Kind
    word: str
    needed: int
    most: int
    may: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class RuleView:
    """`problem` says what the rules forbid, found and expected; then nothing can be proposed."""

    title: str
    people: tuple[PersonLine, ...]
    chosen: PersonLine | None
    kinds: tuple[KindLine, ...]
    pairs: tuple[tuple[Pair, str, bool], ...]
    demands: tuple[tuple[Role, str, int, str], ...]  # role, its name, how many, who has it
    changes: tuple[str, ...]
    effects: tuple[str, ...]
    problem: str
    why_not: str


class RulePresenter(Presenter[RuleView | None]):
    """One change at a time; `proposed` is called with what the server took."""

    def __init__(self, desk: Desk, asker: Asker, proposed: Callable[[Proposal], None]) -> None:
        super().__init__()
        self._desk, self._asker, self._proposed = desk, asker, proposed
        self._edit = RosterEdit()
        self._upon: Digest | None = None
        self._chosen: OfficerId | None = None
        self._busy = False
        topics = (Topic.SEEN, Topic.CONNECTION, Topic.IDENTITY)
        self.keep(desk.subscribe(lambda _topics: self.changed(), *topics))

    def view(self) -> RuleView | None:
        state = self._state()
        if self._upon is None or state is None or state.roster is None:
            return None
        roster, edit = state.roster, wishing.differing(self._edit, state.roster)
        after, problem = self._tried(edit, state)
        people = tuple(_person(each, edit) for each in _by_name(roster))
        newest = state.newest[(Kind.ROSTER, "roster")].statement
        effects: tuple[str, ...] = ()
        if after is not None and edit:
            effects = changing.effects(state, after, compromised=bool(edit.compromised))
        return RuleView(
            _("Version {next}, in place of version {version}").format(
                next=newest.version + 1, version=newest.version
            ),
            people,
            next((each for each in people if each.id == self._chosen), None),
            tuple(_kind(kind, edit, roster) for kind in Kind),
            tuple((pair, roles_text(pair), wishing.apart(edit, roster, pair)) for pair in PAIRS),
            tuple(_demand(role, edit, roster) for role in Role),
            wishing.told(edit, roster),
            effects,
            problem,
            self._why_not(edit, problem),
        )

    # ---- wishing ----

    def start(self, officer: OfficerId | None = None) -> None:
        """Upon the roster in force. What was wished before is kept while it is the same one."""
        state = self._state()
        if state is None or state.roster is None:
            return
        upon = changing.upon(state)
        if upon != self._upon:
            self._edit, self._upon = RosterEdit(), upon
        self._chosen = officer or next((each.id for each in _by_name(state.roster)), None)
        self.changed()

    def leave(self) -> None:
        """Back to the roster; nothing of it is kept."""
        self._edit, self._upon = RosterEdit(), None
        self.changed()

    def choose(self, officer: OfficerId) -> None:
        if officer != self._chosen:
            self._chosen = officer
            self.changed()

    def give(self, role: Role, holds: bool) -> None:
        """To the chosen officer, or away from them."""
        if self._chosen is not None:
            roles = {**self._edit.roles, (str(self._chosen), role): holds}
            self._put(replace(self._edit, roles=roles))

    def remove(self, removed: bool) -> None:
        """The chosen officer; what becomes of their keys is said key by key."""
        if self._chosen is not None:
            names = self._edit.removed - {self._chosen}
            self._put(replace(self._edit, removed=names | {self._chosen} if removed else names))

    def key(self, key: KeyId, fate: Fate) -> None:
        self._put(wishing.with_fate(self._edit, key, fate))

    def ask_for(self, kind: Kind, count: int) -> None:
        self._put(replace(self._edit, thresholds={**self._edit.thresholds, kind: count}))

    def let_approve(self, kind: Kind, may: bool) -> None:
        wished = {**self._edit.proposer_may_approve, kind: may}
        self._put(replace(self._edit, proposer_may_approve=wished))

    def part(self, pair: Pair, apart: bool) -> None:
        self._put(replace(self._edit, apart={**self._edit.apart, pair: apart}))

    def demand(self, role: Role, count: int) -> None:
        self._put(replace(self._edit, required={**self._edit.required, role: count}))

    # ---- proposing ----

    def propose(self) -> None:
        view, state = self.view(), self._state()
        if view is None or view.why_not or state is None or state.roster is None:
            return
        edit = wishing.differing(self._edit, state.roster)
        grave = bool(edit.removed or edit.compromised)
        question = Confirm(
            _("Propose this roster?"),
            _("You sign a proposal. Nothing changes until enough others agree."),
            _("Propose"),
            (*view.changes, *view.effects),
            typed=min(edit.removed) if edit.removed else None,
            weight=Weight.DANGER if grave else Weight.PLAIN,
            comment=_("Reason; every officer will read it"),
            comment_required=True,
        )
        change = changing.Change(changing.upon(state), edit.body, question)
        self._asker.confirm(question, lambda answer: self._send(change, answer))

    def _send(self, change: changing.Change, answer: Confirmed | None) -> None:
        if answer is None:
            return
        reason = answer.comment.strip()

        def done(proposal: Proposal) -> None:
            self._busy = False
            self.leave()
            self._proposed(proposal)

        def failed(error: KeyturnError) -> None:
            self._busy = False
            self._asker.tell(failure(_("It was not proposed"), error))
            self.changed()

        self._busy = True
        self.changed()
        self.keep(
            self._desk.ask(
                lambda client: changing.propose(client, change, reason), done=done, failed=failed
            )
        )

    # ---- inside ----

    def _tried(self, edit: RosterEdit, state: AuthorityState) -> tuple[Roster | None, str]:
        """The roster that it would be, or why there can be none such."""
        if changing.upon(state) != self._upon:
            return None, _("Another roster came into force since: go back, and look at it first.")
        try:
            return check(edit.body(state)), ""
        except KeyturnError as error:
            parts = [error.message]
            if error.found:
                parts.append(_("found {found}").format(found=error.found))
            if error.expected:
                parts.append(_("expected {expected}").format(expected=error.expected))
            return None, "; ".join(parts)

    def _why_not(self, edit: RosterEdit, problem: str) -> str:
        if self._busy:
            return _("The proposal is being signed.")
        if reason := not_allowed(self._desk, Role.PROPOSER):
            return reason
        if problem:
            return _("The rules of rosters forbid it.")
        return "" if edit else _("Change something first.")

    def _state(self) -> AuthorityState | None:
        facts = self._desk.facts
        return facts.seen.state if facts.seen is not None and facts.trusted else None

    def _put(self, edit: RosterEdit) -> None:
        if edit != self._edit:
            self._edit = edit
            self.changed()


def _by_name(roster: Roster) -> list[Officer]:
    return sorted(roster.officers.values(), key=lambda each: (each.name.casefold(), each.id))


def _person(officer: Officer, edit: RosterEdit) -> PersonLine:
    roles = tuple((role, role_name(role), wishing.holds(edit, officer, role)) for role in Role)
    keys = tuple(
        KeyLine(
            key.key_id,
            f"{key.algorithm.value} {key.key_id[:16]}…",
            wishing.fate(edit, key.key_id),
        )
        for key in officer.keys
    )
    removed = officer.id in edit.removed
    held = frozenset(role for role, _name, holds in roles if holds)
    kept = all(key.fate is Fate.KEPT for key in keys)
    return PersonLine(
        officer.id,
        officer.name,
        roles,
        _("removed") if removed else roles_text(held),
        keys,
        removed,
        removed or held != officer.roles or not kept,
    )


def _kind(kind: Kind, edit: RosterEdit, roster: Roster) -> KindLine:
    return KindLine(
        kind,
        kind_name(kind),
        wishing.needed(edit, roster, kind),
        wishing.holders(edit, roster, Role.APPROVER),
        wishing.may_approve(edit, roster, kind),
        kind in edit.thresholds or kind in edit.proposer_may_approve,
    )


def _demand(role: Role, edit: RosterEdit, roster: Roster) -> tuple[Role, str, int, str]:
    count = wishing.holders(edit, roster, role)
    text = _("{count} would have it").format(count=count)
    return role, role_name(role), wishing.required(edit, roster, role), text
