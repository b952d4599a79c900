"""Scripts as documents."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.ceremony.kinds.genesis import GENESIS
from keyturn.ceremony.script import ShareUse, parse_script, uses

Change = Callable[[dict[str, Any]], object]


def bent(change: Change) -> bytes:
    document = json.loads(GENESIS.to_bytes())
    change(document)
    return dump(document)


def test_the_digest_is_of_the_exact_bytes() -> None:
    assert GENESIS.digest == digest_of(GENESIS.to_bytes())
    assert list(json.loads(GENESIS.to_bytes())) == [
        "type",
        "format",
        "kind",
        "revision",
        "title",
        "purpose",
        "steps",
    ]


def test_a_step_by_its_id() -> None:
    assert GENESIS.step("found").title == "The log begins"
    with pytest.raises(KeyError):
        GENESIS.step("no-such-step")


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(more=1),
        lambda it: it.pop("purpose"),
        lambda it: it.update(type="script"),
        lambda it: it.update(format=2),
        lambda it: it.update(kind="party"),
        lambda it: it.update(revision=0),
        lambda it: it.update(title="a\u202eb"),
        lambda it: it.update(steps=[]),
        lambda it: it.update(steps=it["steps"] * 6),
        lambda it: it["steps"].append(it["steps"][0]),
        lambda it: it["steps"][0].update(action="explode"),
        lambda it: it["steps"][0].update(attaches="everything"),
        lambda it: it["steps"][0].update(more=1),
        lambda it: it["steps"][0]["signers"][0].update(part="king"),
        lambda it: it["steps"][0]["signers"][0].update(many="some"),
        lambda it: it["steps"][0]["signers"][1].update(shares=["crown"]),
        lambda it: it["steps"][0]["signers"][1].update(shares=["user", "user"]),
        lambda it: it["steps"][0]["entered"][0].update(kind="blood"),
        lambda it: it["steps"][0]["entered"][0].update(required="yes"),
        lambda it: it["steps"][0]["entered"][0].pop("label"),
    ],
)
def test_anything_else_is_refused(change: Change) -> None:
    with pytest.raises(MalformedError):
        parse_script(bent(change))


def test_too_large_a_script_is_refused() -> None:
    with pytest.raises(MalformedError):
        parse_script(b'{"type":"' + b"x" * (256 << 10) + b'"}')


def test_uses_of_shares() -> None:
    assert uses(("so", "user"), "it") == (ShareUse.SO, ShareUse.USER)
    with pytest.raises(MalformedError):
        uses(("user", "crown"), "it")
