from keyturn.hsm.tokeninfo import Slot, TokenInfo


def test_a_token_that_says_little_has_no_clock_and_no_known_space() -> None:
    info = TokenInfo(Slot(0), "label", "maker", "model", "serial", True, False)
    assert (info.utc_time, info.free_private, info.firmware) == ("", None, "")
