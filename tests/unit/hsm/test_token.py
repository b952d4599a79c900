import pytest

from keyturn.hsm.protocol import Assurance
from keyturn.hsm.token import assurance_of
from keyturn.hsm.tokeninfo import Slot, TokenInfo


def _info(maker: str, *, hardware: bool) -> TokenInfo:
    return TokenInfo(Slot(0), "label", maker, "model", "serial", True, hardware)


@pytest.mark.parametrize(
    ("maker", "hardware", "assurance"),
    [
        ("SoftHSM project", False, Assurance.SOFTWARE),
        ("SoftHSM project", True, Assurance.SOFTWARE),
        ("Mozilla Foundation", True, Assurance.SOFTWARE),
        ("A maker of devices", False, Assurance.SOFTWARE),
        ("A maker of devices", True, Assurance.HARDWARE),
    ],
)
def test_hardware_is_only_what_claims_it_and_is_not_known_better(
    maker: str, hardware: bool, assurance: Assurance
) -> None:
    assert assurance_of(_info(maker, hardware=hardware)) is assurance
