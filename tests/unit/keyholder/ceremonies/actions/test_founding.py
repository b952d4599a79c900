"""What founds nothing, and what an abort takes back. (A genesis itself: tests/flows.)"""

from dataclasses import replace

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.keyholder.ceremonies.actions import founding
from keyturn.keyholder.ceremonies.actions.statements import Composed, keep_composed
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.sharing import BOXES
from keyturn.keyholder.ceremonies.site import BUNDLE, CONFIG, LOG, TOKEN
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId


def test_a_plan_that_founds_nothing_makes_no_token(doing: Doing) -> None:
    signed = doing.course.signed_plan
    plan = replace(signed.plan, founding=None)
    course = replace(doing.course, signed_plan=replace(signed, plan=plan))
    with pytest.raises(CeremonyRefused, match="founds no authority"):
        founding._make_first(replace(doing, course=course))


def test_without_shares_and_signatures_nothing_goes_on(doing: Doing) -> None:
    with pytest.raises(CeremonyRefused) as refused:
        founding.prove_shares(doing)
    assert refused.value.reason is CeremonyReason.NOT_ATTACHED
    with pytest.raises(CeremonyRefused):
        founding.sign_founding(doing)
    with pytest.raises(CeremonyRefused) as refused:
        founding.found_log(doing)
    assert refused.value.reason is CeremonyReason.LOCKED


def test_an_abort_takes_all_back_twice(doing: Doing) -> None:
    directory = doing.site.directory
    for name in (TOKEN, LOG):
        (directory / name / "inner").mkdir(parents=True)
        (directory / name / "inner" / "file").write_text("x")
    for name in (BUNDLE, CONFIG):
        (directory / name).write_text("x")
    doing.files.keep(BOXES, b"x")
    for _ in range(2):
        founding.take_back(doing.files, doing.site, doing.course)
    assert {each.name for each in directory.iterdir()} == {"ceremonies"}
    assert doing.files.names() == ()


def test_an_abort_destroys_no_other_ceremonys_authority(
    doing: Doing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an abort had left to do is done at the next start, when another genesis may be over."""
    kept = doing.site.directory / LOG / "checkpoint"
    kept.parent.mkdir(parents=True)
    kept.write_text("x")
    monkeypatch.setattr(type(doing.site), "fingerprint", digest_of(b"another authority"))
    composed = Composed(OfficerId("hana"), {Kind.ROSTER: b"{}", Kind.KEYS: b"{}"})
    keep_composed(doing.files, composed)
    with pytest.raises(CeremonyRefused, match="another ceremony founded"):
        founding.take_back(doing.files, doing.site, doing.course)
    assert kept.is_file()
