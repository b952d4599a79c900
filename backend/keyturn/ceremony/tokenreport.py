"""The report of a token's pre-flight, as a ceremony's record carries it (our protocol §10.11).

Written by the process that tried the token; read here strictly. Its bytes' SHA-256 is what a
record names. A report is what that process found, at that time, on that token: not a proof.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time

REPORT_LIMIT = 64 << 10  # bytes
_MAX_CHECKS = 100
_TEXT = 2000
_TOKEN = ("label", "manufacturer", "model", "serial", "hardware", "firmware")


class Level(StrEnum):
    """Green: as wanted. Amber: works, with a named weakness. Red: not to be used."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class TokenAssurance(StrEnum):
    """What the token's word is worth (caveat *software-assurance*)."""

    SOFTWARE = "software"
    HARDWARE = "hardware"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing tried, and how it went. `expected` and `hint` may be empty."""

    name: str
    level: Level
    found: str
    expected: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ReportedToken:
    """What the token said of itself."""

    label: str
    manufacturer: str
    model: str
    serial: str
    hardware: str
    firmware: str


@dataclass(frozen=True, slots=True)
class ReportedVendor:
    """The profile that was used for it."""

    name: str
    tested: bool
    """False: this vendor's module was never run by us."""
    source: str


@dataclass(frozen=True, slots=True)
class PreflightReport:
    time: datetime
    module: str
    """Description and version, as the module says."""
    token: ReportedToken
    vendor: ReportedVendor
    assurance: TokenAssurance
    checks: tuple[Check, ...]

    @property
    def level(self) -> Level:
        """The worst of all checks."""
        return worst(self.checks)

    def of_level(self, level: Level) -> tuple[Check, ...]:
        return tuple(each for each in self.checks if each.level is level)


def worst(checks: tuple[Check, ...]) -> Level:
    order = tuple(Level)
    return max((check.level for check in checks), key=order.index, default=Level.RED)


def report_digest(raw: bytes) -> Digest:
    return digest_of(raw)


def encode_report(report: PreflightReport) -> bytes:
    return dump(
        {
            "type": "preflight-report",
            "format": 1,
            "time": format_time(report.time),
            "level": report.level.value,
            "assurance": report.assurance.value,
            "module": report.module,
            "vendor": vendor_document(report.vendor),
            "token": token_document(report.token),
            "checks": [
                {
                    "name": each.name,
                    "level": each.level.value,
                    "found": each.found,
                    "expected": each.expected,
                    "hint": each.hint,
                }
                for each in report.checks
            ],
        }
    )


def parse_report(raw: bytes) -> PreflightReport:
    """Raises MalformedError; also when the level is not the worst of the checks."""
    fields = parse_object(raw, limit=REPORT_LIMIT, what="pre-flight report")
    fields.literal("type", "preflight-report")
    fields.literal("format", 1)
    level = fields.choice("level", Level)
    report = PreflightReport(
        fields.time("time"),
        fields.text("module", limit=_TEXT, empty=True),
        read_token(fields.fields("token")),
        read_vendor(fields.fields("vendor")),
        fields.choice("assurance", TokenAssurance),
        tuple(_check(each) for each in fields.objects("checks", limit=_MAX_CHECKS)),
    )
    fields.done()
    names = [each.name for each in report.checks]
    if not names or len(set(names)) != len(names):
        raise MalformedError("pre-flight report: checks are missing, or two have one name")
    if level is not report.level:
        raise MalformedError(
            "pre-flight report: its level is not the worst of its checks",
            found=level.value,
            expected=report.level.value,
        )
    return report


def token_document(token: ReportedToken) -> dict[str, object]:
    return {each: getattr(token, each) for each in _TOKEN}


def vendor_document(vendor: ReportedVendor) -> dict[str, object]:
    return {"name": vendor.name, "tested": vendor.tested, "source": vendor.source}


def read_token(fields: Fields) -> ReportedToken:
    """Raises MalformedError, as `read_vendor`."""
    token = ReportedToken(*(fields.text(each, limit=64, empty=True) for each in _TOKEN))
    fields.done()
    return token


def read_vendor(fields: Fields) -> ReportedVendor:
    vendor = ReportedVendor(
        fields.text("name", limit=100), fields.boolean("tested"), fields.text("source", limit=_TEXT)
    )
    fields.done()
    return vendor


def _check(fields: Fields) -> Check:
    check = Check(
        fields.text("name", limit=100),
        fields.choice("level", Level),
        fields.text("found", limit=_TEXT),
        fields.text("expected", limit=_TEXT, empty=True),
        fields.text("hint", limit=_TEXT, empty=True),
    )
    fields.done()
    return check
