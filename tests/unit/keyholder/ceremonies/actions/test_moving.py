"""What does not move. (What does: tests/flows/test_ceremonies_moving.py.)"""

from dataclasses import replace

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Attended
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.keyholder.ceremonies.actions import moving
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.handedin import WRAPPED


def of_kind(doing: Doing, kind: ScriptKind) -> Doing:
    signed = doing.course.signed_plan
    plan = replace(signed.plan, kind=kind)
    return replace(doing, course=replace(doing.course, signed_plan=replace(signed, plan=plan)))


def test_a_replacement_needs_the_pins_of_both_tokens(doing: Doing) -> None:
    replacing = of_kind(doing, ScriptKind.HSM_REPLACEMENT)
    for act in (moving.MAKE_TRANSPORT_KEY, moving.IMPORT_KEK):
        assert act.holds(replacing.plan) == (ShareUse.USER, ShareUse.SO)
        assert act.holds(of_kind(doing, ScriptKind.KEY_IMPORT).plan) == ()
        with pytest.raises(CeremonyRefused):
            act.do(replacing)


def test_a_key_is_imported_at_a_running_keyholder_alone(doing: Doing) -> None:
    with pytest.raises(CeremonyRefused) as refused:
        moving.make_transport_key(of_kind(doing, ScriptKind.KEY_IMPORT))
    assert refused.value.reason is CeremonyReason.LOCKED


def test_without_transport_key_and_file_nothing_comes_in(doing: Doing) -> None:
    importing = of_kind(doing, ScriptKind.KEY_IMPORT)
    with pytest.raises(CeremonyRefused, match="no transport key"):
        moving.import_kek(importing)
    doing.files.keep(moving.SPKI, b"spki")
    with pytest.raises(CeremonyRefused, match="not handed in"):
        moving.import_kek(importing)
    doing.files.keep(WRAPPED, b"{}")
    with pytest.raises(MalformedError):
        moving.import_kek(importing)


def test_a_token_in_use_is_not_destroyed(doing: Doing) -> None:
    replacing = of_kind(doing, ScriptKind.HSM_REPLACEMENT)
    doing.files.keep(moving.OLD, b"token")
    with pytest.raises(CeremonyRefused, match="in use still"):
        moving.destroy_kek(replacing)


def test_no_other_kek_comes_in_than_the_one_that_officers_approved(doing: Doing) -> None:
    """Whoever reaches the socket hands in a KEK of their own, wrapped to the public transport key:
    what it opens would open here."""
    plan = of_kind(doing, ScriptKind.KEY_IMPORT).plan
    ours, theirs = KeyId("11" * 32), KeyId("22" * 32)
    moving.check_concerns(replace(plan, concerns=("emil", ours)), ours)
    with pytest.raises(CeremonyRefused, match="another KEK than the statement names"):
        moving.check_concerns(replace(plan, concerns=("emil", ours)), theirs)
    with pytest.raises(CeremonyRefused, match="another KEK than the statement names"):
        moving.check_concerns(replace(plan, concerns=()), ours)
    moving.check_concerns(replace(plan, rehearsal=True, concerns=()), ours)


def test_what_was_carried_here_is_named(doing: Doing) -> None:
    importing = of_kind(doing, ScriptKind.KEY_IMPORT)
    assert moving.carried(importing) == Attended()
    doing.files.keep(moving.SPKI, b"spki")
    assert moving.carried(importing) == Attended()
    doing.files.keep(WRAPPED, b"{}")
    assert moving.carried(importing) == Attended(file=digest_of(b"{}"))
