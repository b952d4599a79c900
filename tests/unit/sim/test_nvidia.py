"""The simulated NVIDIA: sets whose parts agree, and answers about each certificate once."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from keyturn.base.encoding import sha256
from keyturn_sim import SimVendors

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_links_agree_in_both_directions_and_with_certificates(vendors: SimVendors) -> None:
    gpus, switches = vendors.nvidia.issue_set(8, 4, {}, {})
    assert {gpu.switches for gpu in gpus} == {tuple(each.pdi for each in switches)}
    assert {each.gpus for each in switches} == {tuple(gpu.pdi for gpu in gpus)}
    for device, kind in ((gpus[0], "41"), (switches[0], "50")):
        brom = x509.load_der_x509_certificate(device.chain[1])
        (serial,) = brom.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
        assert serial.value == kind + device.pdi.hex().upper()


def test_a_gpu_by_itself_names_no_set(vendors: SimVendors) -> None:
    gpu = vendors.nvidia.issue_gpu({})
    assert (gpu.pdi, gpu.switches) == (b"", ())


def test_a_twin_tells_the_same_links_under_another_certificate(vendors: SimVendors) -> None:
    _, (switch,) = vendors.nvidia.issue_set(1, 1, {}, {})
    twin = vendors.nvidia.twin_of(switch)
    assert (twin.pdi, twin.gpus) == (switch.pdi, switch.gpus)
    assert twin.chain[:2] != switch.chain[:2]


def test_one_answer_about_each_certificate(vendors: SimVendors) -> None:
    gpus, _ = vendors.nvidia.issue_set(2, 0, {}, {})
    revoked = frozenset({sha256(gpus[0].chain[1])})
    found = vendors.nvidia.ocsp([gpu.chain for gpu in gpus], NOW, revoked)
    asked = {sha256(raw).hex() for gpu in gpus for raw in gpu.chain[1:-1]}
    assert {each.scope for each in found} == asked
    assert len(found) == len(asked) == 4
    assert all(sha256(each.chain[0]).hex() == each.scope for each in found)
