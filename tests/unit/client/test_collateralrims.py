"""RIMs among collateral, proved by the ring `rim`."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.errors import REFUSALS, UntrustedEvidence
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.client.collateralrims import rim_verifier

RIM = "NV_GPU_DRIVER_GH100_550.144.03"
THEN = datetime(2025, 6, 1, tzinfo=UTC)


def document(vectors: Path, scope: str = RIM) -> CollateralDocument:
    raw = (vectors / "nvidia/rims/driver-gh100-550.144.03.xml").read_bytes()
    return CollateralDocument(CollateralKind.NVIDIA_RIM, scope, raw)


def test_a_recorded_rim_holds_while_its_signer_does(vectors_dir: Path) -> None:
    verify = rim_verifier(HARDWARE_ANCHORS)
    assert verify is not None
    age = verify(document(vectors_dir), THEN)
    assert age.until is not None
    assert age.issued < THEN < age.until
    with pytest.raises(REFUSALS):
        verify(document(vectors_dir), datetime(2040, 1, 1, tzinfo=UTC))


def test_a_rim_under_anothers_id_is_refused(vectors_dir: Path) -> None:
    """The attack: a good manifest of an old driver is served for a new one's id."""
    verify = rim_verifier(HARDWARE_ANCHORS)
    assert verify is not None
    with pytest.raises(UntrustedEvidence, match="another version"):
        verify(document(vectors_dir, "NV_GPU_DRIVER_GH100_580.95.05"), THEN)


def test_a_vbios_id_has_no_dots(vectors_dir: Path) -> None:
    verify = rim_verifier(HARDWARE_ANCHORS)
    assert verify is not None
    store = vectors_dir / "nvidia/rims/store/1010_0210_886_9600740011_PROD.swidtag"
    scope = "NV_GPU_VBIOS_1010_0210_886_9600740011"
    found = CollateralDocument(CollateralKind.NVIDIA_RIM, scope, store.read_bytes())
    verify(found, datetime(2024, 6, 1, tzinfo=UTC))
