import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.ceremony.tokenreport import encode_report, report_digest
from keyturn.client.hsm import read_hsm
from support import tokens


def _fields(document: dict[str, object]) -> Fields:
    return Fields(document, "HSM")  # type: ignore[arg-type]


def test_the_report_has_the_digest_that_a_record_names() -> None:
    said = read_hsm(_fields(tokens.answer()))
    assert said.inventory == tokens.INVENTORY
    assert said.preflight is not None
    assert said.preflight.digest == report_digest(encode_report(tokens.REPORT))


def test_a_keyholder_without_a_report_says_so() -> None:
    assert read_hsm(_fields(tokens.answer(report=None))).preflight is None


@pytest.mark.parametrize(
    "change", [{"more": 1}, {"inventory": None}, {"preflight": "e30="}, {"preflight": 1}]
)
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_hsm(_fields({**tokens.answer(), **change}))
