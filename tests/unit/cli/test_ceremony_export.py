"""`keyturn ceremony export`, and `verify` of what it wrote."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.quorum.kinds import Kind
from support.ceremonies import Cast
from support.ceremonylog import logged_genesis
from support.sealedsessions import SESSION, Session
from unit.cli.officer_desk import Desks, make_desks

SEAL = Session(logged_genesis(Cast(simulation=False)), ScriptKind.SEAL)
NAME = f"seal-{SESSION}"


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    made = make_desks(tmp_path, monkeypatch)
    server = made.server
    people = server.authority.roster_body()["officers"]
    (hana,) = (each for each in Cast().body()["officers"] if each["id"] == "hana")  # type: ignore[union-attr,index,call-overload]
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body(officers=[*people, hana]))  # type: ignore[misc]
    server.enact(Kind.KEYS, "keys", server.keys_body())
    session = _later(server.clock())
    for record in (session.first, session.done([session.signature("hana", Part.ADMINISTRATOR)])):
        server.put(record.raw)
        server.append(session.leaf(record))
    return made


def _later(now: datetime) -> Session:
    session = Session(SEAL.logged, ScriptKind.SEAL)
    session.now = now + timedelta(seconds=1)
    session.first = session.opening(session.now)
    return session


def test_it_is_listed_and_written_and_proves_itself(desks: Desks, tmp_path: Path) -> None:
    (listed,) = desks.json("ada", "ceremony", "export")["ceremonies"]
    assert (listed["ceremony"], listed["kind"], listed["records"]) == (NAME, "seal", 2)
    assert NAME in desks.as_("ada", "ceremony", "export").stdout
    output = tmp_path / "seal.json"
    written = desks.json("ada", "ceremony", "export", NAME, "-o", output)
    assert written["digest"] == digest_of(output.read_bytes())
    words = ("ceremony", "verify", output, "--fingerprint", desks.server.fingerprint)
    done = desks.run(*words)
    assert done.exit_code == 0, done.output
    assert "both records are in the log" in done.stdout


def test_wrong_usage_and_what_is_not_there(desks: Desks, tmp_path: Path) -> None:
    output = tmp_path / "none.json"
    assert desks.as_("ada", "ceremony", "export", NAME).exit_code == 2
    assert desks.as_("ada", "ceremony", "export", "genesis-1", "-o", output).exit_code == 1
    assert not output.exists()
    (tmp_path / "there").write_text("")
    assert desks.as_("ada", "ceremony", "export", NAME, "-o", tmp_path / "there").exit_code == 1
