"""What would change, place by place."""

import pytest

from keyturn.base.strictjson import JsonObject
from keyturn.client.changes import Change, body_of, changes, changes_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [Change("a", "1", "2")]),
        ({"a": 1}, {"a": True}, [Change("a", "1", "true")]),
        ({}, {"a": None}, [Change("a", None, "null")]),
        ({"a": "x"}, {}, [Change("a", "x", None)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, [Change("a.b", "1", "3")]),
        ({"a": [1, 2]}, {"a": [2, 3]}, [Change("a", None, "3"), Change("a", "1", None)]),
        ({"a": "any"}, {"a": ["x"]}, [Change("a", "any", '["x"]')]),
        (
            {"a": [{"k": 1}]},
            {"a": [{"k": 2}]},
            [Change("a", None, '{"k":2}'), Change("a", '{"k":1}', None)],
        ),
    ],
)
def test_differences(before: JsonObject, after: JsonObject, expected: list[Change]) -> None:
    assert list(changes(before, after)) == expected


def test_against_what_is_in_force() -> None:
    server = ScriptedServer(Clock())
    first = parse_statement(server.authority.propose(Kind.POLICY, "p", policy_body()).raw)
    replaced, all_new = changes_of(first, server.state)
    assert replaced is None
    assert {each.before for each in all_new} == {None}
    digest = server.enact(Kind.POLICY, "p", policy_body())
    made = server.authority.propose(Kind.POLICY, "p", policy_body(lease_seconds=30))
    second = parse_statement(made.raw)
    assert changes_of(second, server.state) == (digest, (Change("lease_seconds", "60", "30"),))
    assert body_of(second) == policy_body(lease_seconds=30)
