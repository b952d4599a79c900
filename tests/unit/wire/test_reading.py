"""Both ends ask the same table; a path that it does not know includes nobody."""

import pytest

from keyturn.quorum.kinds import Role
from keyturn.wire.reading import TABLE, includes

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(("method", "template"), sorted(TABLE))
def test_every_entry_is_found_by_a_path_as_it_is_asked(method: str, template: str) -> None:
    path = template.replace("{digest}", DIGEST).replace("{index}", "7").replace("{name}", "n%2F1")
    needed = TABLE[(method, template)]
    for role in Role:
        assert includes(frozenset({role}), method, path) is (needed is None or role in needed)
    assert includes(frozenset(), method, path) is (needed is None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/secrets"),
        ("DELETE", "/v1/nodes"),
        ("GET", "/v1/nodes/a/b"),
        ("GET", "/v1/nodes/"),
        ("GET", ""),
    ],
)
def test_what_is_not_in_the_table_includes_nobody(method: str, path: str) -> None:
    assert not includes(frozenset(Role), method, path)
