"""A rehearsal's models: named as such, three of them. (Admitted for real in tests/flows.)"""

import pytest

from keyturn.base.encoding import digest_of
from keyturn.keyholder.ceremonies import rehearsalmodels
from support.ceremonies import Cast
from support.ceremonies_host import genesis_plan


def test_those_that_the_plan_concerns_and_others_up_to_three(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    concerned = digest_of(b"a model")
    plan = genesis_plan(Cast(), concerns=(concerned, "emil"))
    asked: list[str] = []
    monkeypatch.setattr(rehearsalmodels, "_admitted", lambda _site, model, *_: asked.append(model))
    rehearsalmodels.admit_models(None, plan, (), lambda size: bytes(size))  # type: ignore[arg-type]
    assert asked[0] == concerned
    assert len(asked) == rehearsalmodels.MODELS
