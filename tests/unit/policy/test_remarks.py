"""Remarks are values whose words are the screens'."""

from keyturn.policy.remarks import LintCode, Severity, error, note, warning


def test_values_are_named_texts_in_the_order_of_their_names() -> None:
    made = warning("gpu.count", LintCode.NO_GPU_REFERENCE, z=1, count=8)
    assert made.values == (("count", "8"), ("z", "1"))
    assert made.named == {"count": "8", "z": "1"}
    assert made.severity is Severity.WARNING


def test_how_bad() -> None:
    assert error("", LintCode.UNUSED).severity is Severity.ERROR
    assert note("", LintCode.UNUSED).severity is Severity.NOTE
