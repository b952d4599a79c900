"""A device report's fields against the parser."""

from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.fields_nvidia import device_section
from keyturn.attest.spdm import parse_gpu_report
from keyturn_sim import SimNode
from unit.attest.test_fields import tiles, value_of


def test_every_byte_is_in_one_field(node: SimNode) -> None:
    raw = node.gpu_report(0, bytes(range(32)))
    report = parse_gpu_report(raw)
    found = device_section(raw, "GPU 0")
    tiles(found, raw)
    assert found.title == "GPU 0"
    assert value_of(found, "request: Nonce") == report.nonce.hex()
    first = min(report.measurements)
    assert (
        value_of(found, f"block {first + 1}: MeasurementValue") == report.measurements[first].hex()
    )
    assert value_of(found, "opaque DRIVER_VERSION") == node.gpus[0].driver


@given(st.binary(max_size=400))
def test_whatever_comes_is_listed(raw: bytes) -> None:
    assert device_section(raw, "GPU 0").fields
