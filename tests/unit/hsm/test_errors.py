from keyturn.hsm.errors import HsmError


def test_an_error_of_the_token_names_call_and_return_value() -> None:
    assert str(HsmError("C_Login", 0xA0)) == (
        "the HSM refused C_Login; found CKR_PIN_INCORRECT; expected CKR_OK"
    )
