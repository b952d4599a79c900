"""A model can be revoked whatever the server calls it."""

from dataclasses import replace

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.inventory import Model
from keyturn_app.facts import Facts
from keyturn_app.screens.models.revoking import question
from support.authority import START

DIGEST = Digest("sha256:" + "ab" * 32)
MODEL = Model(DIGEST, "mini", "mini", "1", 1, 1, "", "", "", False, None)


@pytest.mark.parametrize("name", ["mini\n", "m\u0456ni", "x" * 200, " mini"])
def test_a_name_that_nobody_can_type_is_not_asked_for(name: str) -> None:
    assert question(MODEL, Facts(), START).typed == "mini"
    assert question(replace(MODEL, name=name), Facts(), START).typed == "abababab"
