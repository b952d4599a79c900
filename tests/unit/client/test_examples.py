"""Bodies to be filled in: the shape of each kind, and nothing to sign by mistake."""

import json

import pytest

from keyturn.base.errors import MalformedError
from keyturn.client.examples import example
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from support.authority import START
from unit.quorum.authority_log import CAST, AuthorityLog
from unit.quorum.bodies_reader import read_body
from unit.quorum.every_kind import bodies

LOG = AuthorityLog(cast=CAST)
BODIES = bodies()


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_an_example_shows_the_shape_and_is_nothing_to_sign(kind: Kind) -> None:
    shape = example(kind, "", LOG.state.roster, START)
    fields = set(BODIES[kind][1]) - {"separation", "compromised"}
    assert set(shape) == fields
    with pytest.raises(MalformedError):
        read_body(kind, json.loads(json.dumps(shape)))


def test_an_example_names_those_who_could_do_it() -> None:
    shape = example(Kind.CEREMONY, "", LOG.state.roster, START)
    assert shape["participants"] == {
        "administrator": "ada",
        "custodians": ["bela", "chen"],
        "witness": "emil",
        "scribe": None,
    }
    assert example(Kind.RESTORE, "", LOG.state.roster, START)["custodians"] == ["bela", "chen"]


def test_an_example_of_a_policy_lacks_only_what_must_be_decided() -> None:
    shape = example(Kind.POLICY, "", LOG.state.roster, START)
    decided = {"baselines": ["firmware"], "workloads": "any", "platforms": ["eu"], "sites": ["x"]}
    found = read_body(Kind.POLICY, {**shape, **decided})
    assert isinstance(found, Policy)
    assert found.tdx is not None
    assert not found.tdx.debug


def test_an_example_of_a_baseline_shows_each_kind_of_value_with_its_origin() -> None:
    shape = json.dumps(example(Kind.REFERENCE_VALUES, "", LOG.state.roster, START))
    assert shape.count('"provenance"') == 5
