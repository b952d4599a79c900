"""What a lint says of a draft, line by line, before anybody signs it. No Qt."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.keyrelease.decision import caveats_owed
from keyturn.policy.lint import lint
from keyturn.policy.remarks import LintRemark, Severity
from keyturn.quorum.bodies import Body
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app.i18n import n_
from keyturn_app.statements.lintwords import lint_words, severity_look

SHOWN = 4
"""Lines at most; how many there are besides is said."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft whose body can be read, and until when it would be in force."""

    kind: Kind
    subject: str
    body: Body
    expires: datetime | None


def remarks_on(
    drafted: Drafted, state: AuthorityState, now: datetime
) -> tuple[tuple[str, ...], Severity | None]:
    """Lines, errors first, and the worst of them; no line where there is nothing to say."""
    found = lint(
        drafted.kind,
        drafted.subject,
        drafted.body,
        state,
        now,
        owed=caveats_owed(state, now),
        expires=drafted.expires,
    )
    lines = [_line(each) for each in found[:SHOWN]]
    left = len(found) - SHOWN
    if left > 0:
        lines.append(n_("{count} more remark", "{count} more remarks", left))
    return tuple(lines), found[0].severity if found else None


def _line(remark: LintRemark) -> str:
    place = f"{remark.place}: " if remark.place else ""
    return f"{severity_look(remark.severity).word} · {place}{lint_words(remark)}"
