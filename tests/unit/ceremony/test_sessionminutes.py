"""Minutes of an unsealing and a sealing."""

from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.sessionminutes import make_session_minutes
from keyturn.ceremony.sessions import verify_session
from keyturn.ceremony.transcript import parse_transcript
from support.ceremonies import Cast
from support.ceremonylog import logged_genesis
from support.sealedsessions import SESSION, Session

LOGGED = logged_genesis(Cast(simulation=False))


def test_an_unsealing() -> None:
    raw = Session(LOGGED).transcript()
    told = make_session_minutes(verify_session(parse_transcript(raw), LOGGED.fingerprint))
    assert (told.title, told.ceremony, told.marks) == ("Unseal", f"unseal-{SESSION}", ())
    assert dict(told.summary)["Authority"] == LOGGED.fingerprint
    signed, limits = told.sections
    assert signed.texts == ("User PIN: shares of Ada Byron, Chen Wei, Emil Sørensen.",)
    assert [row[0] for row in signed.tables[0].rows] == ["Ada Byron", "Chen Wei", "Emil Sørensen"]
    assert any("both records are in the log" in each for each in limits.points)


def test_a_sealing_says_why() -> None:
    raw = Session(LOGGED, ScriptKind.SEAL).transcript(logged=False)
    told = make_session_minutes(verify_session(parse_transcript(raw), LOGGED.fingerprint))
    (row,) = told.sections[0].tables[0].rows
    assert row[:2] == ("Hana Novak", "Administrator")
    assert row[4].endswith(": a drill")
    assert any(each.startswith("Not looked at") for each in told.sections[-1].points)
    assert dict(told.summary)["Shares"] == "none take part"
