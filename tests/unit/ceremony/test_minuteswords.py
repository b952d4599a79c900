"""Facts in plain English."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.facts import Nothing, TokenMade
from keyturn.ceremony.keyfacts import Assurance, Attribute, KeyPurpose
from keyturn.ceremony.minuteswords import (
    PARTS,
    PROFILES,
    PROTECTS,
    PURPOSES,
    SECRETS,
    STATES,
    WORTH,
    clock,
    describe,
    key_name,
    lowered,
    moment,
    name_of,
    names_of,
    protects,
    set_text,
    token_text,
)
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import Action, Part, ShareUse
from support.ceremonies import TOKEN, Cast, key_facts
from unit.ceremony.every_fact import DIGEST, EVERY, NEW, OLD, SETS

ROSTER = Cast().roster


@pytest.mark.parametrize("action", Action)
def test_every_fact_is_told(action: Action) -> None:
    said = describe(EVERY[action], ROSTER)
    assert bool(said) is (EVERY[action] != Nothing())
    for each in said:
        assert each.endswith(".")
        assert not each[0].islower()


def test_what_is_told() -> None:
    assert describe(EVERY[Action.REWRAP], ROSTER) == (
        "10000 keys of models are under the new KEK: 9990 were wrapped again, 10 were under it"
        f" already. None is left under {OLD}.",
    )
    (statement, _) = describe(EVERY[Action.SIGN_FOUNDING], ROSTER)
    assert statement.endswith("approved by Ada Byron, Béla Kovács, Chen Wei.")
    assert describe(EVERY[Action.BACK_UP], ROSTER) == (
        f"KEK {NEW} is never extractable: there is no backup.",
    )
    assert "throw-away token was destroyed" in describe(EVERY[Action.PROVE_BACKUP], ROSTER)[0]
    assert "not there any more" in describe(EVERY[Action.DESTROY_MODEL_KEY], ROSTER)[0]
    assert describe(EVERY[Action.ATTEND], ROSTER) == (f"Roster in force: {DIGEST}.",)


def test_what_a_destruction_does_not_reach_is_told() -> None:
    for action in (Action.DESTROY_KEK, Action.DESTROY_MODEL_KEY):
        assert "not reached by that" in describe(EVERY[action], ROSTER)[0]


def test_every_choice_has_its_words() -> None:
    assert set(PARTS) == set(Part)
    assert set(SECRETS) == set(ShareUse)
    assert set(PURPOSES) == set(PROTECTS) == set(KeyPurpose)
    assert set(PROFILES) == set(KekProfile)
    assert set(WORTH) == set(Assurance)
    assert len(STATES) == 3
    assert CeremonyReason.FAILED.value == "failed"


def test_a_software_log_key_is_called_so() -> None:
    log = key_facts(KeyPurpose.LOG)
    soft = replace(log, attributes=(Attribute("HELD", "software log key", True),))
    assert (key_name(log), key_name(soft)) == ("Log key", "Software log key")
    assert protects(log) == PROTECTS[KeyPurpose.LOG]
    assert "Whoever reads their memory has it." in protects(soft)
    made = EVERY[Action.MAKE_TOKEN]
    assert isinstance(made, TokenMade)
    assert "Software log key" in " ".join(describe(replace(made, keys=(soft,)), ROSTER))


def test_times_are_utc() -> None:
    there = datetime(2026, 11, 30, 1, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert moment(there) == "2026-11-29 23:00:05 UTC"
    assert clock(there.astimezone(UTC)) == "23:00:05"


def test_names() -> None:
    assert name_of("bela", ROSTER) == "Béla Kovács"
    assert name_of("mallory", ROSTER) == "mallory"
    assert names_of(("ada", "bela"), ROSTER) == "Ada Byron, Béla Kovács"
    assert lowered("User PIN") == "user PIN"


def test_tokens_and_sets() -> None:
    assert token_text(TOKEN) == (
        "keyturn-rehearsal: SoftHSM v2 2.6 by SoftHSM project, serial a31f20c95d7e8b04, software"
    )
    trial = replace(TOKEN, maker="", model="", firmware="")
    assert token_text(trial) == "keyturn-rehearsal: serial a31f20c95d7e8b04, software"
    nothing_yet = replace(trial, serial="")
    assert token_text(nothing_yet) == "keyturn-rehearsal: initialised in a later step, software"
    assert set_text(SETS[0]) == "User PIN: 3 of 5 custodians needed"
