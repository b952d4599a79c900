"""One model's key is destroyed, and only of a model that was admitted."""

from dataclasses import replace

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.keyholder.ceremonies.actions.destruction import destroy_model_key, model_of
from keyturn.keyholder.ceremonies.doing import Doing

MODEL = digest_of(b"a model")


def concerning(doing: Doing, *concerns: str) -> Doing:
    signed = doing.course.signed_plan
    plan = replace(signed.plan, concerns=concerns)
    course = replace(doing.course, signed_plan=replace(signed, plan=plan))
    return replace(doing, course=course)


def test_the_plan_concerns_one_model(doing: Doing) -> None:
    assert model_of(concerning(doing, "emil", MODEL)) == MODEL
    for concerns in ((), ("emil",), (MODEL, digest_of(b"another"))):
        with pytest.raises(CeremonyRefused, match="one model's key"):
            model_of(concerning(doing, *concerns))


def test_a_model_that_was_never_admitted_has_no_key(doing: Doing) -> None:
    with pytest.raises(CeremonyRefused, match="never admitted"):
        destroy_model_key(concerning(doing, MODEL))
