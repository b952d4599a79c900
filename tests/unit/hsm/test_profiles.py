"""What each key may do, as written in the design and the measurements; not read off the code."""

import pytest

from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.profiles import DEK_FORM, INGEST, KEK, LOG, RESULT, Label, expected, named

RIGHTS = (
    Attr.ENCRYPT,
    Attr.DECRYPT,
    Attr.WRAP,
    Attr.UNWRAP,
    Attr.SIGN,
    Attr.VERIFY,
    Attr.DERIVE,
)


def _granted(template: object) -> set[str]:
    return {a.name for a, value in template.items if a in RIGHTS and value}  # type: ignore[attr-defined]


def test_rights() -> None:
    assert _granted(KEK) == {"WRAP", "UNWRAP"}
    assert _granted(INGEST.private) == {"UNWRAP"}
    assert _granted(LOG.private) == _granted(RESULT.private) == {"SIGN"}
    assert _granted(DEK_FORM) == {"VERIFY"}


@pytest.mark.parametrize("template", [KEK, INGEST.private, LOG.private, RESULT.private])
def test_no_key_leaves_changes_or_is_copied(template: object) -> None:
    wanted = expected(template)  # type: ignore[arg-type]
    held = {Attr.SENSITIVE, Attr.ALWAYS_SENSITIVE, Attr.NEVER_EXTRACTABLE, Attr.PRIVATE, Attr.LOCAL}
    barred = {Attr.EXTRACTABLE, Attr.MODIFIABLE, Attr.COPYABLE}
    assert {wanted[a] for a in held} == {True}
    assert {wanted[a] for a in barred} == {False}
    assert len(wanted[Attr.ALLOWED_MECHANISMS]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("template", [KEK, INGEST.private])
def test_what_opens_a_dek_opens_it_in_one_form(template: object) -> None:
    assert template[Attr.UNWRAP_TEMPLATE] is DEK_FORM  # type: ignore[index]
    assert DEK_FORM[Attr.SENSITIVE] is True
    assert DEK_FORM[Attr.TOKEN] is False


def test_names_are_label_and_id() -> None:
    assert named(KEK, Label.KEK)[Attr.LABEL] == b"keyturn-kek"
    assert named(KEK, Label.KEK)[Attr.ID] == b"keyturn-kek"
