from keyturn.hsm.cryptoki import LOST, Attr, Rv, rv_name


def test_a_known_return_value_has_its_name() -> None:
    assert rv_name(0xA0) == "CKR_PIN_INCORRECT"  # pkcs11t.h, v2.40


def test_an_unknown_return_value_has_its_number() -> None:
    assert rv_name(0x80000001) == "CKR 0x80000001"


def test_array_attributes_carry_the_array_flag() -> None:
    assert Attr.UNWRAP_TEMPLATE == 0x40000212  # pkcs11t.h, v2.40
    assert Attr.ALLOWED_MECHANISMS == 0x40000600


def test_a_refused_request_is_no_lost_token() -> None:
    assert not LOST & {Rv.SIGNATURE_INVALID, Rv.GENERAL_ERROR, Rv.WRAPPED_KEY_INVALID}
