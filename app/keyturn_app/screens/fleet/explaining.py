"""Why the selected node was refused, found out step by step, and taken away as a bundle. No Qt.

The evidence of one node first, which is quick; then node by node who shares its faults, in
batches, so that everything else that is asked of the server goes on between them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from keyturn.attest.fields import Section
from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import ServerLied
from keyturn.client.evidence import Collateral
from keyturn.client.examination import Basis, Examination
from keyturn.client.explaining import Explained, explain_examined
from keyturn.client.offline import write_new_file
from keyturn.client.seen import Seen
from keyturn.keyrelease.request import parse_request
from keyturn.keyrelease.showing import sections_of
from keyturn.policy.observed import Observed
from keyturn_app import wording
from keyturn_app.desk import Desk
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, Confirm, Confirmed, Notice, SaveFile, failure
from keyturn_app.tasks import Door, Job, Progress

BATCH = 40
"""Nodes that are looked at in one go."""


@dataclass(frozen=True, slots=True)
class Held:
    """An explanation and what it was made of."""

    explained: Explained
    seen: Seen
    sections: tuple[Section, ...]
    collateral: Collateral


class Explaining:
    """At most one node. `changed` is called when more became known."""

    def __init__(self, desk: Desk, door: Door, asker: Asker, changed: Callable[[], None]) -> None:
        self._desk, self._door, self._asker, self._changed = desk, door, asker, changed
        self._drop: Callable[[], None] | None = None
        self._of: Examination | None = None
        self.held: Held | None = None
        self.error: KeyturnError | None = None
        self.loading = False
        self.note = ""
        self.comparing = False
        self.exporting = ""

    def leave(self) -> None:
        """Another node, or none."""
        self._stop()
        self._of, self.held, self.error, self.note = None, None, None, ""

    def explain(self, examination: Examination) -> None:
        """Once for each examination; what was known before stays until more is."""
        if examination is self._of:
            return
        if self._of is not None and self._of.node != examination.node:
            self.leave()
        self._stop()
        self._of, self.error, self.loading = examination, None, True
        now = self._desk.now()

        def work(client: KeyturnClient) -> Held | None:
            return look_at(client, examination, now)

        self._ask(work, self._looked_at, self._failed)
        self._changed()

    def stop_comparing(self) -> None:
        """Leave the other nodes alone; what is known of this one stays."""
        if self.comparing:
            self._stop()
            self.note = _("Not compared with the other nodes.")
            self._changed()

    # ---- one node ----

    def _looked_at(self, found: Held | None) -> None:
        """None: the log has a newer word already, which will be examined."""
        self.loading, self.note = False, ""
        self.held = found
        if found is not None and found.explained.explanation.faults:
            own = found.explained.explanation.node
            names = [each for each in sorted(found.seen.index.names()) if each != own]
            self._compare(found, names, [], len(names))
        self._changed()

    def _failed(self, error: KeyturnError) -> None:
        """What is contradicted is not shown beside the contradiction."""
        self.loading, self.error, self.held, self.note = False, error, None, ""
        self._changed()

    # ---- the others ----

    def _compare(self, held: Held, left: Sequence[str], known: list[Observed], total: int) -> None:
        if not total:
            return
        now, batch = self._desk.now(), left[:BATCH]
        if not batch:
            self._ask(lambda _client: _explained(held, now, known), self._compared, self._alone)
            return
        self.comparing = True
        self.note = _("Comparing with the other nodes: {done} of {total}").format(
            done=f"{total - len(left):,}", total=f"{total:,}"
        )

        def work(client: KeyturnClient) -> tuple[Observed, ...]:
            return client.observe_fleet(seen=held.seen, nodes=batch)

        def done(found: tuple[Observed, ...]) -> None:
            known.extend(found)
            self._compare(held, left[BATCH:], known, total)
            self._changed()

        self._ask(work, done, self._alone)

    def _compared(self, found: Explained) -> None:
        self.note, self.comparing = "", False
        if self.held is not None:
            self.held = replace(self.held, explained=found)
        self._changed()

    def _alone(self, error: KeyturnError) -> None:
        """Its own faults are known all the same; only who shares them is not."""
        why, self.comparing = wording.error_text(error), False
        self.note = _("The other nodes could not be looked at: {why}").format(why=why)
        self._changed()

    def _ask(
        self,
        work: Callable[[KeyturnClient], object],
        done: Callable[..., None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self._stop_asking()
        self._drop = self._desk.ask(work, done=done, failed=failed)

    def _stop(self) -> None:
        self._stop_asking()
        self.loading, self.comparing = False, False

    def _stop_asking(self) -> None:
        if self._drop is not None:
            self._drop()
            self._drop = None

    # ---- taking it away ----

    def export(self) -> None:
        """Say what will be inside; then make it, and write it to a file that the officer names."""
        held = self.held
        if held is None or self.exporting:
            return

        def answered(answer: Confirmed | None) -> None:
            if answer is not None:
                self._carry(held)

        self._asker.confirm(_inside(held), answered)

    def _carry(self, held: Held) -> None:
        self.exporting = _("Gathering what proves it…")
        self._changed()
        name = held.explained.explanation.node
        suggested = f"why-{name}-{held.explained.logged.index}.zip"

        def work(client: KeyturnClient) -> bytes:
            return client.carry(held.explained, held.seen)

        def done(data: bytes) -> None:
            self._exported()
            question = SaveFile(
                _("Export the explanation"), suggested, (_("Explanations (*.zip)"),)
            )
            self._asker.path(question, lambda path: self._write(path, data))

        def failed(error: KeyturnError) -> None:
            self._exported()
            self._asker.tell(failure(_("Nothing was exported"), error))

        self._desk.ask(work, done=done, failed=failed)

    def _write(self, path: Path | None, data: bytes) -> None:
        if path is None:
            return
        self.exporting = _("Writing {size}…").format(size=wording.size(len(data)))
        self._changed()

        def work(_job: Job, _progress: Callable[[Progress], None]) -> None:
            write_new_file(path, data)

        def done(_nothing: None) -> None:
            self._exported()
            self._asker.toast(_("The explanation was written to {name}").format(name=path.name))

        def failed(error: KeyturnError) -> None:
            self._exported()
            hint = error.hint or _("Choose a file that is not there yet.")
            self._asker.tell(Notice(_("Nothing was exported"), str(error), hint=hint))

        self._door.run(_("Export the explanation"), work, done=done, failed=failed)

    def _exported(self) -> None:
        self.exporting = ""
        self._changed()


def look_at(client: KeyturnClient, examination: Examination, now: datetime) -> Held | None:
    """On the network thread. None: the log's newest word on the node is another one by now.

    Raises ServerLied when the server gives other bytes than before, and what parsing raises.
    """
    seen = client.seen()
    logged = seen.index.logged(examination.node)
    if logged is None or logged.index != examination.index:
        return None
    request = None
    if examination.basis is Basis.VERIFIED_HERE:
        request = client.evidence(examination.evidence)
    if request is not None and digest_of(request) != examination.evidence:
        raise ServerLied(
            "the server gives other evidence than the log names",
            found=digest_of(request),
            expected=examination.evidence,
        )
    collateral = client.collateral_at_hand()
    explained = explain_examined(examination, logged, request, seen.state, now, collateral)
    sections = () if request is None else sections_of(parse_request(request))
    return Held(explained, seen, sections, collateral)


def _explained(held: Held, now: datetime, fleet: Sequence[Observed]) -> Explained:
    found = held.explained
    return explain_examined(
        found.examination,
        found.logged,
        found.request,
        held.seen.state,
        now,
        held.collateral,
        fleet,
    )


def _inside(held: Held) -> Confirm:
    node = held.explained.explanation.node
    kept = held.explained.request is not None
    return Confirm(
        _("Export why {node} is in this state?").format(node=node),
        _(
            "One zip file that anybody can check without a server, with keyturn evidence explain. "
            "It holds no key, share, session, prompt or other secret."
        ),
        _("Make the bundle"),
        details=(
            _("the explanation, as text and as JSON, with every check"),
            _("the log entry with its receipt, and the authority's statements"),
            _("the node's evidence, byte for byte") if kept else _("no evidence: it is not kept"),
            _("the vendors' documents that it was verified with"),
        ),
    )
