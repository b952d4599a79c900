"""Saving the files that a host gives: each proved by the record before it is written. No Qt."""

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest, digest_of, parse_digest
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.signatures import key_id_of
from keyturn.ceremony.course import Course, CourseState
from keyturn.ceremony.script import Action
from keyturn.client.ceremonyfiles import BACKUP, BUNDLE, PREFLIGHT, TRANSPORT_KEY, WrongFile
from keyturn.quorum.bundle import load_bundle
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.questions import SaveFile, failure
from keyturn_app.screens.ceremonies.bringing import record_of, transport_key
from keyturn_app.screens.ceremonies.handingin import HandInGround
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost
from keyturn_app.screens.ceremonies.keeping import written
from keyturn_app.screens.ceremonies.viewmodel import Given, Phase

_NONE = {Phase.LOADING, Phase.BROKEN, Phase.ABORTED}


class Giving:
    """For one ceremony at one host. `saved`: what was written."""

    def __init__(
        self, host: CeremonyDoor, ground: HandInGround, saved: Callable[[Path], None]
    ) -> None:
        self._host, self._ground, self._saved = host, ground, saved
        self._drops: list[Callable[[], None]] = []

    def ask(self, course: Course, name: str) -> None:
        """Where to; then fetch, prove and write."""
        title = _("Save {file}").format(file=name)
        now = self._ground.now()

        def chosen(path: Path | None) -> None:
            if path is None:
                return

            def work(host: CeremonyHost) -> Path:
                raw = host.file(course.plan.ceremony, name)
                return written(path, proved_file(raw, name, course, now))

            drop = self._host.ask(
                work,
                done=self._saved,
                failed=lambda error: self._ground.asker.tell(failure(title, error)),
            )
            self._drops = [*self._drops[-8:], drop]

        self._ground.asker.path(SaveFile(title, f"{course.plan.ceremony}.{name}"), chosen)

    def close(self) -> None:
        for drop in self._drops:
            drop()


def given(course: Course | None, phase: Phase) -> tuple[Given, ...]:
    """The files that can be proved and are of use now: the transport key while it is needed, the
    others when the ceremony is being closed."""
    if course is None or phase in _NONE:
        return ()
    found: list[Given] = []
    key = transport_key(course)
    if key is not None and record_of(course, Action.IMPORT_KEK) is None:
        text = _("For the other HSM, as DER. Compare its id there: {key}.")
        said = text.format(key=wording.grouped(key))
        found.append(Given(TRANSPORT_KEY, _("Transport key"), said, now=True))
    closing = course.step is not None and course.step.action is Action.CLOSE
    if not closing and course.state is not CourseState.DONE:
        return tuple(found)
    said_of = _("The record names its digest: {digest}.")
    for name, title in (
        (BACKUP, _("KEK backup")),
        (PREFLIGHT, _("Report of the token's test")),
        (BUNDLE, _("Authority's bundle")),
    ):
        digest = named(course, name)
        if digest is None:
            continue
        text = said_of if name != BUNDLE else _("For other machines. Its fingerprint: {digest}.")
        found.append(Given(name, title, text.format(digest=wording.grouped(digest))))
    return tuple(found)


def named(course: Course, name: str) -> Digest | None:
    """What the newest record that speaks of a file says that it is: its digest; of a bundle the
    fingerprint of the authority whose log this ceremony founded or continued."""
    key = {BACKUP: "backup", PREFLIGHT: "report", BUNDLE: "authority"}[name]
    for each in reversed(course.done):
        value = each.facts.get(key)
        if isinstance(value, str) and (name != BUNDLE or "root" in each.facts):
            with contextlib.suppress(MalformedError):
                return parse_digest(value)
    return None


def proved_file(raw: bytes | None, name: str, course: Course, now: datetime) -> bytes:
    """What the host gave, if the record bears it out. Raises KeyturnError."""
    if raw is None:
        raise KeyturnError(
            _("The host has no such file."),
            found=_("nothing"),
            expected=name,
            hint=_("Look beside the host's settings, where the file may lie."),
        )
    if name == BUNDLE:
        fingerprint = named(course, name)
        assert fingerprint is not None  # it is not offered otherwise
        load_bundle(raw, fingerprint, now, rehearsal=course.plan.rehearsal)
        return raw
    is_key = name == TRANSPORT_KEY
    found, expected = (
        (str(key_id_of(raw)), str(transport_key(course)))
        if is_key
        else (str(digest_of(raw)), str(named(course, name)))
    )
    if found != expected:
        raise WrongFile(
            _("The host gives another file than the record names: nothing was saved."),
            found=wording.grouped(found),
            expected=wording.grouped(expected),
            hint=_("Find out who changed it. A newer ceremony may have made a newer backup."),
        )
    return raw
