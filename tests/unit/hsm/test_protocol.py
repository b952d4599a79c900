import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.protocol import Admission, OaepHash, ReleaseOrder, der_signature, model_tag_message


def test_a_raw_signature_becomes_der() -> None:
    raw = (5).to_bytes(32, "big") + (2**255).to_bytes(32, "big")
    assert decode_dss_signature(der_signature(raw)) == (5, 2**255)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_raw_signature_has_64_bytes(size: int) -> None:
    with pytest.raises(HsmRequestError):
        der_signature(bytes(size))


def test_the_tag_is_over_context_and_digest() -> None:
    assert model_tag_message(b"d" * 32) == b"keyturn-model-v1" + b"d" * 32


@pytest.mark.parametrize("size", [0, 31, 33])
def test_orders_demand_exact_sizes(size: int) -> None:
    wrong, right = bytes(size), bytes(32)
    with pytest.raises(HsmRequestError, match="model digest"):
        Admission(b"", OaepHash.SHA1, wrong, right)
    with pytest.raises(HsmRequestError, match="tag"):
        Admission(b"", OaepHash.SHA1, right, wrong)
    with pytest.raises(HsmRequestError, match="model digest"):
        ReleaseOrder(wrong, right, b"", 0, right)
    with pytest.raises(HsmRequestError, match="tag"):
        ReleaseOrder(right, wrong, b"", 0, right)
    with pytest.raises(HsmRequestError, match="entry digest"):
        ReleaseOrder(right, right, b"", 0, wrong)


def test_a_log_index_is_not_negative() -> None:
    with pytest.raises(HsmRequestError, match="log index"):
        ReleaseOrder(bytes(32), bytes(32), b"", -1, bytes(32))
