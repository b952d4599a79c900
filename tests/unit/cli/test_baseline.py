"""`keyturn baseline`: from a node's evidence or files to a body that officers propose."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields
from keyturn.client.baselines import NOT_ACTIVATED
from keyturn.keyrelease.entries import RefusalEntry, refusal_entry
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.policy.shown import platform_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.origin import Method
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from keyturn_sim.bootlog import SimBoot
from support.rimmaker import RimVendor, body, resource
from support.system import anchors_body
from unit.cli.officer_desk import Desks, make_desks
from unit.client.test_snplaunch import SECTIONS, firmware
from unit.keyrelease.release_desk import Desk, vendors
from unit.rim.test_tdvf import GOOD, image

VALUE = "0a1b" * 24


@dataclass
class Place:
    """Officers, and a node whose last request the log refused and the server keeps."""

    desks: Desks
    directory: Path
    request: ReleaseRequest
    refusal: RefusalEntry

    def run(self, *arguments: object) -> Result:
        return self.desks.as_("ada", "baseline", *arguments)

    def made(self, *arguments: object) -> ReferenceValues:
        """The body that a command printed."""
        document = self.desks.json("ada", "baseline", *arguments)["body"]
        return parse_reference_values(Fields(document, "body"))

    def alone(self, *arguments: object) -> Any:
        """A command that needs no profile."""
        done = self.desks.run("baseline", *arguments, "--json")
        return json.loads(done.stdout), done.exit_code

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    desks = make_desks(tmp_path, monkeypatch)
    server, node = desks.server, Desk()
    node.clock.now = server.clock()
    request = node.request()
    cpu = node.verified(request).cpu
    assert cpu is not None
    server.enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(vendors()))
    refusal = RefusalEntry(
        request.purpose,
        request.challenge,
        request.model,
        "node-1",
        platform_of(cpu),
        request.digest,
        ("measurement-mismatch",),
    )
    server.append(refusal_entry(server.clock(), refusal))
    server.evidence[request.digest] = request.raw
    return Place(desks, tmp_path, request, refusal)


def test_a_refused_nodes_genuine_firmware_becomes_a_body(place: Place) -> None:
    body_file = place.directory / "body.json"
    done = place.run("capture", "node-1", "--until", "30", "-o", body_file)
    assert done.exit_code == 0, done.output
    assert "keyturn proposal new reference-values" in done.stderr
    raw = json.loads(body_file.read_text())
    values = parse_reference_values(Fields(raw, "body"))
    (origin,) = values.snp.values()
    assert origin.source.startswith("SIMULATED: captured from node node-1, evidence of ")
    assert origin.provenance is not None
    assert origin.provenance.document == place.request.digest
    assert len(values.gpu) == 1
    again = place.run("capture", "node-1", "-o", body_file)
    assert again.exit_code == 1  # nothing is overwritten

    assert place.run("compare", body_file, "--node", "node-1").exit_code == 0
    assert place.run("compare", body_file, body_file).exit_code == 0
    shown = place.desks.json("ada", "baseline", "show", body_file, "--nodes")
    assert shown["nodes"] == {"node-1": ["snp", "gpu"]}
    assert len(shown["endings"]) == 2


def test_evidence_from_a_file_is_verified_too(place: Place) -> None:
    path = place.file("request.json", place.request.raw)
    values = place.made("capture", "--evidence", path, "--no-gpus")
    assert len(values.snp) == 1
    assert values.gpu == ()
    for bent in (b"", b"{}", place.request.raw.replace(b'"report":"', b'"report":"AAAA', 1)):
        assert place.run("capture", "--evidence", place.file("bent", bent)).exit_code == 1


def test_what_the_server_does_not_keep_or_changes_is_not_captured(place: Place) -> None:
    digest: Digest = place.request.digest
    assert place.run("capture", "no-such-node").exit_code == 1
    assert place.run("capture", "node-1", "--tpm").exit_code == 1  # it showed none
    place.desks.server.evidence.clear()
    for kept in place.directory.rglob(f"*{digest.removeprefix('sha256:')}*"):
        kept.unlink()
    gone = place.run("capture", "node-1", "--json")
    assert gone.exit_code == 1
    assert "not genuine, or nobody has it" in json.loads(gone.stdout)["error"]["message"]


def test_a_tpm_that_the_keyholder_found_not_activated_gives_no_value(place: Place) -> None:
    """Only the keyholder can tell; its word in the log is heeded where it refuses."""
    server = place.desks.server
    refusal = replace(place.refusal, reasons=(NOT_ACTIVATED,))
    server.append(refusal_entry(server.clock(), refusal))
    done = place.run("capture", "node-1", "--tpm", "--json")
    assert done.exit_code == 1
    assert "not activated" in json.loads(done.stdout)["error"]["message"]
    assert place.run("capture", "node-1").exit_code == 0  # the CPU's values are its vendor's word


def test_baselines_in_force_with_what_names_them_and_when_they_end(place: Place) -> None:
    server = place.desks.server
    document = place.desks.json("ada", "baseline", "capture", "node-1", "--until", "3")["body"]
    server.enact(Kind.REFERENCE_VALUES, "firmware", document)
    found = place.desks.json("ada", "baseline", "list")
    assert found["baselines"] == {"firmware": []}
    whats = [each["what"] for each in found["endings"]]
    assert len(whats) == 3
    assert whats[-1] == "the baseline"  # its values end before
    people = place.run("list")
    assert people.exit_code == 0
    assert "firmware" in people.stdout
    assert place.run("compare", "firmware", "--node", "node-1").exit_code == 0


def test_usage_is_checked(place: Place) -> None:
    for arguments in (
        ("capture",),
        ("capture", "node-1", "--evidence", "x"),
        ("compare", "firmware"),
        ("capture", "node-1", "--until", "0"),
    ):
        assert place.run(*arguments).exit_code == 2, arguments
    assert place.run("show", "no-such-baseline").exit_code == 1
    assert place.run("capture", "node-1", "--until", "tomorrow").exit_code == 1


def test_manifests(place: Place) -> None:
    vendor = RimVendor.create()
    driver = place.file("driver.xml", vendor.sign(body(resource(1, VALUE))))
    vbios = place.file("vbios.xml", vendor.sign(body(resource(5, VALUE), version="96.00.5E.00.01")))
    document, code = place.alone("from-rim", driver, vbios, "--simulated-root", vendor.spki)
    assert code == 0, document
    (value,) = document["values"]
    assert value["provenance"]["signer"].startswith("'HCC RIM L4 Signer'")
    assert value["provenance"]["until"] == "2028-01-01T00:00:00Z"
    for arguments in (
        (driver, vbios),  # its root is not pinned
        (driver, "--simulated-root", vendor.spki),
        (place.file("x", b"<x/>"), "--simulated-root", vendor.spki),
    ):
        assert place.alone("from-rim", *arguments)[1] == 1, arguments


def test_images_and_logs_are_added_to_a_body(place: Place) -> None:
    ovmf = place.file("ovmf.fd", firmware(*SECTIONS))
    tdvf = place.file("tdvf.fd", image(*GOOD))
    log = place.file("log", SimBoot().log())
    one, two = place.directory / "one.json", place.directory / "two.json"
    launch = ("--cpus", 2, "--cpu-type", "EPYC-v4", "--features", "0x1")
    assert place.alone("from-firmware", ovmf, *launch, "-o", one)[1] == 0
    assert place.alone("from-tdvf", tdvf, "--into", one, "-o", two)[1] == 0
    document, code = place.alone(
        *("from-log", log, "--pcr", 0, "--pcr", 7, "--applications", "--pcr", 4),
        *("--variable", "db", "--into", two),
    )
    assert code == 0
    values = parse_reference_values(Fields(document["body"], "body"))
    methods = {
        each.provenance.method
        for each in (*values.snp.values(), values.tdx[0].origin, values.tpm[0].origin)
        if each.provenance is not None
    }
    assert methods == {Method.COMPUTED, Method.EVENT_LOG}
    events, _ = place.alone("from-log", log, "--events")
    assert {"EV_SEPARATOR", "EV_EFI_VARIABLE_DRIVER_CONFIG"} <= {
        x["kind"] for x in events["events"]
    }
    assert place.desks.run("baseline", "from-log", log, "--events").exit_code == 0
    for arguments in (
        ("from-firmware", tdvf, *launch),
        ("from-tdvf", ovmf),
        ("from-log", ovmf),
        ("from-tdvf", tdvf, "--into", log),
        ("from-tdvf", place.directory / "missing"),
    ):
        assert place.alone(*arguments)[1] == 1, arguments


def test_a_corims_signer_has_to_be_named(place: Place, vectors_dir: Path) -> None:
    folder = vectors_dir / "eat-corim"
    document, code = place.alone(
        *("from-corim", folder / "signed-good-corim.cbor"),
        *("--signer-key", folder / "ec-p256.pub.jwk", "--signer", "sha256:" + "00" * 32),
    )
    assert (code, document["error"]["kind"]) == (1, "UntrustedEvidence")
    assert place.desks.run("baseline", "from-corim", "x").exit_code == 2
