"""Every caveat that a policy can name has a meaning for people."""

from keyturn.quorum.policy_body import Caveat
from keyturn_app.statements.caveats import meaning


def test_every_caveat_has_a_meaning() -> None:
    assert all(meaning(each.value) for each in Caveat)
    assert meaning("new-one") == ""
