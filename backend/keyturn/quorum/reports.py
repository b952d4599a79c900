"""Log entries that change no authority: what is reported, and with what settings (§6.2).

A `report` is the word of the control plane, which nobody proved.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time
from keyturn.quorum.entries import Entry, EntryKind, entry_bytes
from keyturn.quorum.errors import LogInconsistent, MalformedStatement
from keyturn.quorum.judge import SKEW
from keyturn.quorum.roster import OfficerId, Roster

_NAME = re.compile(r"[a-z0-9_]{1,64}")
_SOFTWARE = re.compile(r"[ -~]{1,200}")
MAX_CHANGED = 200
MAX_SETTINGS = 1 << 20

Setting = str | int | bool | None | Sequence[str]


class Program(Enum):
    KEYHOLDER = "keyholder"
    CONTROL = "control"


class ReportEvent(Enum):
    SIGN_IN_FAILURES = "sign-in-failures"


class SignInFailure(Enum):
    """Why a sign-in was refused; what each is, our protocol §7.3 says."""

    MALFORMED = "malformed"
    WRONG_SERVER = "wrong-server"
    WRONG_TIME = "wrong-time"
    UNKNOWN_OFFICER = "unknown-officer"
    BAD_SIGNATURE = "bad-signature"
    BAD_NONCE = "bad-nonce"


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """So many sign-ins failed, says the control plane. `officer`: who they claimed to be."""

    officer: OfficerId | None
    reason: SignInFailure
    count: int
    since: datetime

    def document(self) -> dict[str, object]:
        return {
            "event": ReportEvent.SIGN_IN_FAILURES.value,
            "officer": self.officer,
            "reason": self.reason.value,
            "count": self.count,
            "since": format_time(self.since),
        }


@dataclass(frozen=True, slots=True)
class ConfigurationEntry:
    program: Program
    settings: Digest  # of `settings_document`
    changed: tuple[str, ...]
    software: str


def report_entry(time: datetime, entry: ReportEntry) -> bytes:
    further = {"program": Program.CONTROL.value, **entry.document()}
    return entry_bytes(EntryKind.REPORT, time, further)


def configuration_entry(time: datetime, entry: ConfigurationEntry) -> bytes:
    return entry_bytes(
        EntryKind.CONFIGURATION,
        time,
        {
            "program": entry.program.value,
            "settings": entry.settings,
            "changed": list(entry.changed),
            "software": entry.software,
        },
    )


def read_report(entry: Entry) -> ReportEntry:
    """Raises MalformedError."""
    entry.fields.literal("program", Program.CONTROL.value)
    report = read_sign_in_failures(entry.fields)
    entry.fields.done()
    return report


def read_sign_in_failures(fields: Fields) -> ReportEntry:
    """`done` is still owed. Raises MalformedError."""
    fields.literal("event", ReportEvent.SIGN_IN_FAILURES.value)
    officer = fields.nullable("officer", lambda name: OfficerId(fields.text(name, limit=64)))
    reason = fields.choice("reason", SignInFailure)
    return ReportEntry(officer, reason, fields.integer("count", low=1), fields.time("since"))


def read_configuration(entry: Entry) -> ConfigurationEntry:
    """Raises MalformedError."""
    program = entry.fields.choice("program", Program)
    configuration = read_settings(entry.fields, program)
    entry.fields.done()
    return configuration


def read_settings(fields: Fields, program: Program) -> ConfigurationEntry:
    """`done` is still owed. Raises MalformedError."""
    settings = fields.digest("settings")
    changed = fields.texts("changed", limit=MAX_CHANGED)
    software = fields.text("software", limit=200)
    # A control plane may belong to an attacker: nothing that is obeyed rather than shown.
    for what, form, texts in (("changed", _NAME, changed), ("software", _SOFTWARE, (software,))):
        for text in texts:
            if not form.fullmatch(text):
                raise MalformedStatement(
                    f"configuration: field '{what}' is wrong",
                    found=repr(text)[:80],
                    expected=form.pattern,
                )
    return ConfigurationEntry(program, settings, changed, software)


def check_report(report: ReportEntry, roster: Roster | None, now: datetime) -> None:
    """Raises LogInconsistent for an officer whom nobody knows, or a time that is to come."""
    if report.officer is not None and (roster is None or report.officer not in roster.officers):
        raise LogInconsistent("a report of an officer who is not in the roster")
    if report.since > now + SKEW:
        raise LogInconsistent(
            "a report of what is to come",
            found=format_time(report.since),
            expected=f"at most {format_time(now)}",
        )


def settings_document(program: Program, software: str, values: Mapping[str, Setting]) -> bytes:
    """The bytes whose digest a `configuration` entry names; no secret may be among `values`."""
    document = {
        "type": "settings",
        "format": 1,
        "program": program.value,
        "software": software,
        "values": dict(values),
    }
    return dump(_sorted(document))


def settings_values(document: bytes) -> Mapping[str, object]:
    """The values in a settings document. Raises MalformedError."""
    fields = parse_object(document, limit=MAX_SETTINGS, what="settings")
    for name in ("type", "format", "program", "software"):
        fields.raw(name)
    values = fields.fields("values")
    fields.done()
    return {name: values.raw(name) for name in values.names()}


def configuration(
    program: Program, software: str, values: Mapping[str, Setting], before: Mapping[str, object]
) -> ConfigurationEntry:
    """The entry for these settings; `before` are the values that were last told, if known."""
    now = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
    names = now.keys() | before.keys()
    unknown = object()
    changed = sorted(n for n in names if now.get(n, unknown) != before.get(n, unknown))
    digest = digest_of(settings_document(program, software, values))
    return ConfigurationEntry(program, digest, tuple(changed), software)


def _sorted(document: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _sorted(value) if isinstance(value, dict) else value
        for name, value in sorted(document.items())
    }
