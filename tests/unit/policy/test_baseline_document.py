"""A baseline's values as its body, there and back, and two as one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.policy.baseline_document import document_of, merged
from keyturn.policy.boot_values import TpmChoice
from keyturn.policy.capturing import Choices, captured
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from support.golden import NOW, observed, shown, switch, td

CHOICE = TpmChoice(applications=True, authorities=True, variables=frozenset({"PK"}))


def whole() -> ReferenceValues:
    """A baseline with every kind of value."""
    node = observed(replace(shown(with_tpm=True), switches=(switch(),)))
    one = captured(node, obtained=NOW, until=None, choices=Choices(tpm=CHOICE))
    other = captured(
        observed(replace(shown(), cpu=td(), gpus=(), gpus_shown=0), "td-1"),
        obtained=NOW,
        until=NOW + timedelta(days=1),
        choices=Choices(),
    )
    return merged(one, other)


def test_every_kind_of_value_survives_its_body() -> None:
    values = whole()
    assert all((values.snp, values.gpu, values.tpm, values.tdx, values.switches))
    document = document_of(values)
    assert parse_reference_values(Fields(document, "body")) == values
    assert document_of(parse_reference_values(Fields(document, "body"))) == document


def test_parts_that_are_not_there_stand_nowhere() -> None:
    document = document_of(ReferenceValues({"0a" * 48: Origin("a test")}, ()))
    assert document.keys() == {"snp", "gpu"}


def test_no_body_is_made_that_no_keyholder_reads() -> None:
    with pytest.raises(MalformedError):
        document_of(ReferenceValues({}, ()))
    with pytest.raises(MalformedError):
        document_of(ReferenceValues({"0a" * 47: Origin("a test")}, ()))


def test_merging_keeps_all_and_the_new_origin_counts() -> None:
    values = whole()
    assert merged(values, values) == values
    newer = Origin("somebody else")
    again = ReferenceValues(
        dict.fromkeys(values.snp, newer), tuple(replace(each, origin=newer) for each in values.gpu)
    )
    both = merged(values, again)
    assert set(both.snp.values()) == {newer}
    assert [each.origin for each in both.gpu] == [newer]
    other = replace(values.gpu[0], driver="other")
    assert len(merged(values, ReferenceValues({}, (other,))).gpu) == 2
