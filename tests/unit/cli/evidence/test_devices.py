"""`keyturn evidence verify` with GPUs, switches and manifests."""

import json
from pathlib import Path

import pytest
import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from keyturn.cli.evidence import register
from support.nvdevices import Device
from support.nvdevices import Vendor as Maker
from support.rimmaker import RimVendor, body, resource

AT = ["--time", "2026-11-23T08:00:00Z"]
NONCE = bytes(range(32))
GPU, SWITCH = b"\x01" * 8, b"\xa1\xa2" * 4
VBIOS = "96.00.A5.00.01"


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker.create()


@pytest.fixture(scope="module")
def rims() -> RimVendor:
    return RimVendor.create()


def run(*arguments: str | Path) -> tuple[int, dict]:  # type: ignore[type-arg]
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["evidence", "verify", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout)


def believing(*roots: str) -> list[str]:
    return [each for root in roots for each in ("--simulated-nvidia-root", root)]


def write(folder: Path, name: str, device: Device, nonce: bytes = NONCE) -> list[Path]:
    pem = b"".join(
        x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in device.chain
    )
    (folder / f"{name}.bin").write_bytes(device.report(nonce))
    (folder / f"{name}.pem").write_bytes(pem)
    return [folder / f"{name}.bin", folder / f"{name}.pem"]


def test_a_machine_of_one_gpu_and_one_switch(maker: Maker, tmp_path: Path) -> None:
    gpu = maker.gpu(pdi=GPU, f22=SWITCH[::-1], f36=b"\x02\0")
    files = write(tmp_path, "gpu", gpu) + write(tmp_path, "switch", maker.switch(SWITCH, (GPU,)))
    asked = [*AT, *believing(maker.spki), "--nonce", NONCE.hex()]
    code, document = run(*files, *asked, "--gpus", "1", "--switches", "1")
    found = {each["tee"]: each for each in document["evidence"]}
    assert (code, set(found)) == (0, {"nvidia-gpu", "nvidia-switch", "nvidia-machine"})
    assert all(each["simulated"] and each["freshness_checked"] for each in found.values())
    code, document = run(*files, *asked, "--gpus", "2", "--switches", "1")
    assert (code, document["evidence"][-1]["accepted"]) == (1, False)
    code, document = run(*files, *asked)
    assert [each["tee"] for each in document["evidence"]] == ["nvidia-gpu", "nvidia-switch"]


def test_a_refused_device_shows_its_checks_and_what_it_said(maker: Maker, tmp_path: Path) -> None:
    files = write(tmp_path, "gpu", maker.gpu(), nonce=bytes(32))
    files += write(tmp_path, "switch", maker.switch(SWITCH, (GPU,)), nonce=bytes(32))
    code, document = run(*files, *AT, *believing(maker.spki), "--nonce", NONCE.hex())
    gpu, switch = document["evidence"]
    assert (code, gpu["reason"], switch["reason"]) == (1, "nonce-mismatch", "nonce-mismatch")
    assert (gpu["tee"], switch["tee"]) == ("nvidia-gpu", "nvidia-switch")
    assert gpu["claims"]["driver_version"] == "590.12"
    assert len(gpu["checks"]) == 10


def manifests(folder: Path, rims: RimVendor, **values: str) -> list[Path]:
    """One for each version that is named, with one measurement."""
    paths = []
    for place, (version, value) in enumerate(values.items()):
        text = body(resource(place + 1, value), version=version)
        path = folder / f"{place}.xml"
        path.write_bytes(rims.sign(text))
        paths.append(path)
    return paths


def test_a_gpu_is_compared_with_the_manifests_of_its_versions(
    maker: Maker, rims: RimVendor, tmp_path: Path
) -> None:
    gpu = maker.gpu(values={1: b"\x02" * 48, 2: b"\x03" * 48})
    files = write(tmp_path, "gpu", gpu)
    options = [*AT, *believing(maker.spki, rims.spki)]
    good = {"590.12": "02" * 48, VBIOS: "03" * 48}
    both = manifests(tmp_path, rims, **good, **{"600.00": "04" * 48})
    code, document = run(*files, *both, *options)
    assert code == 0
    *listed, judged = document["evidence"]
    assert [each["claims"]["version"] for each in listed] == ["590.12", VBIOS, "600.00"]
    assert {"measurement-1", "measurement-2"} <= {check["name"] for check in judged["checks"]}
    code, document = run(*files, *both[:1], *options)  # without the one of its VBIOS
    reasons = {check["reason"] for check in document["evidence"][-1]["checks"]}
    assert (code, "no-reference-values" in reasons) == (1, True)
    wrong = manifests(tmp_path, rims, **{**good, VBIOS: "04" * 48})
    code, document = run(*files, *wrong, *options)
    reasons = {check["reason"] for check in document["evidence"][-1]["checks"]}
    assert (code, "measurement-mismatch" in reasons) == (1, True)


def test_a_manifest_alone_is_verified(rims: RimVendor, tmp_path: Path) -> None:
    (path,) = manifests(tmp_path, rims, **{"590.12": "02" * 48})
    code, document = run(path, *AT, *believing(rims.spki))
    (found,) = document["evidence"]
    assert (code, found["tee"], found["claims"]["kind"]) == (0, "nvidia-rim", "driver")
    assert found["claims"]["active"] == {"1": ["02" * 48]}
    code, document = run(path, *AT)
    assert (code, document["evidence"][0]["reason"]) == (1, "rim-chain-invalid")
    path.write_bytes(b"<a/>")
    code, document = run(path, *AT)
    assert (code, document["evidence"][0]["reason"]) == (1, "rim-signature-invalid")
