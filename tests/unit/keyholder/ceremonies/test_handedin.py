"""A restore's statement that was handed in: read strictly, and nothing without it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.base.encoding import b64, digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.keyholder.ceremonies.handedin import (
    RESTORE,
    check_handed_in,
    read_proposal,
    restore_envelopes,
)
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from support.ceremonies import Cast
from support.ceremonies_host import genesis_plan, statement

NOW = datetime(2026, 11, 30, tzinfo=UTC)
STATE = AuthorityState(digest_of(b"an authority"))
PLAN = genesis_plan(Cast())


def proposal(statement: bytes, **changed: object) -> bytes:
    document = {
        "type": "proposal-export",
        "format": 1,
        "statement": b64(statement),
        "approvals": [b64(b"one")],
        "bundle": "",
    }
    return dump({**document, **changed})


@pytest.fixture
def files(tmp_path: Path) -> CeremonyFiles:
    made = CeremonyFiles(tmp_path / "one")
    made.clean()
    return made


def test_a_proposals_file_has_a_statement_and_approvals() -> None:
    assert read_proposal(proposal(b"statement")) == (b"statement", (b"one",))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", proposal(b"s", type="another"), proposal(b"s", more=1), proposal(b"s", format=2)],
)
def test_anything_else_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read_proposal(raw)


def test_without_it_nothing_happens(files: CeremonyFiles) -> None:
    with pytest.raises(CeremonyRefused) as refused:
        check_handed_in(files, PLAN, STATE, NOW)
    assert refused.value.reason is CeremonyReason.NOT_AUTHORISED
    assert restore_envelopes(files, PLAN, STATE) == ()


def test_another_kind_of_statement_lets_no_restore_happen(files: CeremonyFiles) -> None:
    raw, _ = statement(Cast(), None, Kind.ROSTER, "roster", dict(Cast().body()))
    files.keep(RESTORE, proposal(raw))
    with pytest.raises(CeremonyRefused, match="lets no restore happen"):
        check_handed_in(files, PLAN, STATE, NOW)
    assert restore_envelopes(files, PLAN, STATE) == ((raw, (b"one",)),)
