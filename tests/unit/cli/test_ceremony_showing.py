"""What is shown of a ceremony: verified state, the host's word apart, rehearsals marked."""

from dataclasses import replace

import pytest

from keyturn.base.signatures import key_id_of
from keyturn.ceremony.script import Part, ShareUse
from keyturn.cli.ceremony_showing import (
    ceremony_document,
    host_document,
    print_body,
    print_ceremony,
    waits_for,
)
from keyturn.client.ceremonies import CeremonyReader, Followed
from keyturn.client.ceremonytrust import Expected, trust_host
from keyturn.quorum.bodies import KeyAlgorithm, Keys, PublicKeyEntry, Purpose
from keyturn.wire.ceremonies import Progress
from support.ceremonies import playing_genesis
from support.playedhost import PlayedHost


def followed_at(step: str | None, **changed: object) -> Followed:
    for play in playing_genesis():
        if (play.course.step.id if play.course.step else None) == step:
            host = PlayedHost(play.cast, play, **changed)  # type: ignore[arg-type]
            return CeremonyReader(host).read(play.plan.ceremony)
    raise AssertionError(step)


def test_the_document_has_what_a_script_needs() -> None:
    found = ceremony_document(followed_at("hand-out"))
    assert [each["state"] for each in found["steps"]][:4] == ["done", "done", "done", "next"]  # type: ignore[attr-defined]
    waiting = found["waiting"]
    assert isinstance(waiting, dict)
    assert {each["name"] for each in waiting["entered"]} == {"read-alone", "written-down", "bag"}
    assert ("ada", "user") in {(each["officer"], each["use"]) for each in waiting["boxes"]}
    assert found["share_sets"][0]["needed"] == "3 of 5"  # type: ignore[index]
    assert "box" not in str(waiting["boxes"][0])  # who has one, not what is in it


def test_one_that_is_over_waits_for_nothing() -> None:
    followed = followed_at(None)
    found = ceremony_document(followed)
    assert (found["state"], found["waiting"], waits_for(followed)) == ("done", None, [])


def test_who_is_waited_for() -> None:
    followed = followed_at("preflight")
    assert waits_for(followed) == [(Part.ADMINISTRATOR, "hana"), (Part.WITNESS, "viktor")]
    assert followed.waiting is not None
    signed = replace(
        followed, waiting=replace(followed.waiting, signed=(("hana", "administrator"),))
    )
    assert waits_for(signed) == [(Part.WITNESS, "viktor")]


def test_people_see_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    followed = followed_at("preflight", interrupted=True, unmet=(ShareUse.SO, ShareUse.BACKUP))
    assert followed.waiting is not None
    progress = Progress(40, 100, "keys rewrapped")
    followed = replace(followed, waiting=replace(followed.waiting, progress=progress))
    print_ceremony(followed)
    printed = capsys.readouterr()
    assert "REHEARSAL" in printed.err
    assert "INTERRUPTED" in printed.out
    assert "LOCKED: custodians enter shares first: so, backup" in printed.out
    assert "keys rewrapped: 40 of 100" in printed.out
    assert "No authority is pinned here" in printed.out


def test_a_host_is_told_by_its_keys_fingerprint() -> None:
    play = next(playing_genesis())
    raw = PlayedHost(play.cast, play).host_document()
    found = host_document(trust_host(raw, Expected(None, True)))
    assert len(str(found["key"]).split()) == 8
    assert found["caveats"] == ["keyholder-host-trusted"]


def test_keys_are_named_before_they_are_signed_and_a_software_log_key_as_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spki = {Purpose.LOG: (b"log", KeyAlgorithm.ED25519), Purpose.RESULT: (b"r", KeyAlgorithm.P256)}
    for in_software in (False, True):
        keys = {
            purpose: PublicKeyEntry(
                purpose, algorithm, raw, None, in_software and purpose is Purpose.LOG
            )
            for purpose, (raw, algorithm) in spki.items()
        }
        print_body(Keys("example.com/log", "hardware", keys))
        log, result = capsys.readouterr().out.splitlines()
        assert f"log key: ed25519 {key_id_of(b'log')[:16]}" in log
        assert log.endswith(", a software log key") is in_software
        assert "software" not in result
