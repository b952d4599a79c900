from collections.abc import Iterator

import pytest

from keyturn.hsm.attributes import check_attributes, find_key, report_attributes
from keyturn.hsm.cryptoki import Attr, ObjectClass
from keyturn.hsm.errors import TokenError
from keyturn.hsm.kekwork import AttributeReport
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import KEK, KEK_GENERATOR, Label, expected, named
from support.hsmsession import open_slot

WANTED = expected(KEK)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with open_slot(tmp_path_factory.mktemp("hsm") / "t") as slot:
        yield slot.session


@pytest.fixture(scope="module")
def kek(session: Session) -> Handle:
    return session.generate(KEK_GENERATOR, named(KEK, Label.KEK))


def test_a_key_says_what_it_was_made_as(session: Session, kek: Handle) -> None:
    check_attributes(session, kek, Label.KEK, WANTED)
    reports = {each.name: each for each in report_attributes(session, kek, Label.KEK, WANTED)}
    assert all(each.checked for each in reports.values())
    assert reports["CLASS"] == AttributeReport("CLASS", "SECRET_KEY", True)
    assert reports["KEY_TYPE"].value == "AES"
    assert reports["VALUE_LEN"].value == "32"
    assert reports["ALLOWED_MECHANISMS"].value == "AES_KEY_WRAP"
    assert "CLASS=4, " in reports["UNWRAP_TEMPLATE"].value
    assert "EXTRACTABLE=True" in reports["UNWRAP_TEMPLATE"].value


def test_a_difference_is_refused_and_told(session: Session, kek: Handle) -> None:
    other = WANTED.plus((Attr.EXTRACTABLE, True))
    with pytest.raises(TokenError, match="EXTRACTABLE is not as it was made; found False"):
        check_attributes(session, kek, Label.KEK, other)
    (report,) = (
        each for each in report_attributes(session, kek, Label.KEK, other) if not each.checked
    )
    assert report == AttributeReport("EXTRACTABLE", "False", False)


def test_an_attribute_that_no_such_key_has_is_a_fault(session: Session, kek: Handle) -> None:
    odd = WANTED.plus((Attr.MODULUS, b"x"))
    for read in (check_attributes, report_attributes):
        with pytest.raises(TokenError, match="MODULUS cannot be read"):
            read(session, kek, Label.KEK, odd)


def test_an_empty_find_is_a_fault_and_so_are_two(session: Session, kek: Handle) -> None:
    assert find_key(session, Label.KEK, ObjectClass.SECRET_KEY) == kek
    with pytest.raises(TokenError, match="found 0 of private_key"):
        find_key(session, Label.LOG, ObjectClass.PRIVATE_KEY)
    twin = session.generate(KEK_GENERATOR, named(KEK, Label.KEK))
    with pytest.raises(TokenError, match="found 2 of secret_key"):
        find_key(session, Label.KEK, ObjectClass.SECRET_KEY)
    session.destroy(twin)
