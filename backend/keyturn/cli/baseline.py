"""`keyturn baseline`: reference values from facts, as a body for `keyturn proposal new`."""

from pathlib import Path
from typing import Annotated

import typer

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.eventlog import MAX_LOG, parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import parse_digest
from keyturn.base.times import format_time, parse_time
from keyturn.cli.baseline_files import (
    AsJson,
    Into,
    Output,
    Target,
    Until,
    ending_documents,
    event_documents,
    hand_over,
    print_endings,
    print_events,
    print_rows,
    print_values,
    read_body,
    row_documents,
    term_of,
    value_documents,
)
from keyturn.cli.baseline_hand import by_hand
from keyturn.cli.output import errors_explained, print_json, stdout
from keyturn.cli.profile import Desk, PassphraseFd, ProfileDir, at_desk, now, warn_simulated
from keyturn.client.baselines import (
    MAX_RIM,
    captured_from,
    observed_file,
    observed_node,
    of_corim,
    of_event_log,
    of_firmware,
    of_manifests,
    of_tdvf,
)
from keyturn.client.errors import NotFound
from keyturn.client.offline import read_file
from keyturn.client.snplaunch import MAX_FIRMWARE, MAX_PART, SnpLaunch
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.policy.baseline_use import (
    endings,
    endings_in_force,
    nodes_resting,
    policies_naming,
)
from keyturn.policy.boot_values import TpmChoice, boot_events
from keyturn.policy.capturing import Choices, captured
from keyturn.policy.comparing import compare, compare_node
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.expiry import in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tee_rules import TdRegister
from keyturn.quorum.tpm_bodies import PcrBank
from keyturn.rim.tdvf import MAX_IMAGE, PageOrder

app = typer.Typer(help="Reference values from facts.", no_args_is_help=True)
app.command("by-hand")(by_hand)

Pcrs = Annotated[list[int] | None, typer.Option("--pcr", help="A PCR to take; again for more.")]
Bank = Annotated[PcrBank, typer.Option(help="Bank of PCRs.")]
Applications = Annotated[bool, typer.Option(help="All boot applications that were loaded.")]
Authorities = Annotated[bool, typer.Option(help="All authorities that Secure Boot used.")]
Variables = Annotated[
    list[str] | None, typer.Option("--variable", help="A UEFI variable (PK, KEK, db, dbx).")
]
SimulatedRoot = Annotated[
    list[str] | None,
    typer.Option("--simulated-root", help="Also trust this SIMULATED root (SPKI SHA-256)."),
]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="baseline")


@app.command()
def capture(
    node: Annotated[str | None, typer.Argument(help="A golden node's name.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="A node's request in a file instead.")
    ] = None,
    at: Annotated[str | None, typer.Option("--time", help="Verify a file as of this time.")] = None,
    cpu: Annotated[bool, typer.Option(help="The CPU's measurement.")] = True,
    gpus: Annotated[bool, typer.Option(help="Its GPUs.")] = True,
    switches: Annotated[bool, typer.Option(help="Its NVSwitches.")] = True,
    register_: Annotated[
        list[TdRegister] | None,
        typer.Option("--register", help="A TD's register beside MRTD; again for more."),
    ] = None,
    index: Annotated[
        list[int] | None, typer.Option("--index", help="Only this measurement of devices.")
    ] = None,
    tpm: Annotated[bool, typer.Option("--tpm", help="Its TPM: see the options below.")] = False,
    pcr: Pcrs = None,
    bank: Bank = PcrBank.SHA256,
    applications: Applications = False,
    authorities: Authorities = False,
    variable: Variables = None,
    until: Until = None,
    output: Output = None,
    into: Into = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """From the last evidence of a golden node, which is verified here once more."""
    if (node is None) == (evidence is None):
        raise typer.BadParameter("name a node or a file", param_hint="NODE or --evidence")
    choices = Choices(
        cpu,
        frozenset(register_ or ()),
        gpus,
        switches,
        None if index is None else frozenset(index),
        _tpm(pcr, bank, applications, authorities, variable) if tpm else None,
    )
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        warn_simulated(desk.client.authority().roster.simulation)
        if node is not None:
            values = captured_from(desk.client, node, choices, term_of(until))
        else:
            values = _captured_file(desk, evidence, at, choices, until)
        hand_over(values, Target(output, into, as_json))


@app.command("from-rim")
def from_rim(
    files: Annotated[
        list[Path], typer.Argument(help="A GPU's driver and VBIOS manifest, or a switch's one.")
    ],
    root: Annotated[
        Path | None, typer.Option(help="NVIDIA's root (PEM), where manifests leave it out.")
    ] = None,
    simulated_root: SimulatedRoot = None,
    until: Until = None,
    output: Output = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """From NVIDIA's signed manifests (RIMs)."""
    with errors_explained(as_json=as_json):
        roots = pem_certificates(read_file(root, MAX_RIM)) if root is not None else ()
        raws = [read_file(path, MAX_RIM) for path in files]
        values = of_manifests(raws, _anchors(simulated_root), list(roots), term_of(until))
        hand_over(values, Target(output, into, as_json))


@app.command("from-corim")
def from_corim(
    file: Annotated[Path, typer.Argument(help="A signed CoRIM.")],
    signer_key: Annotated[Path, typer.Option(help="Signer's public key (JWK) or certificate.")],
    signer: Annotated[
        str, typer.Option(help="Its digest, sha256:…, from the signer by another way.")
    ],
    until: Until = None,
    output: Output = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """From a signed CoRIM, by a signer whom you name."""
    with errors_explained(as_json=as_json):
        named = parse_digest(signer, what="--signer")
        raw, key = read_file(file, MAX_RIM), read_file(signer_key, MAX_RIM)
        hand_over(of_corim(raw, key, named, term_of(until)), Target(output, into, as_json))


@app.command("from-firmware")
def from_firmware(
    firmware: Annotated[Path, typer.Argument(help="OVMF image that SNP guests start with.")],
    cpus: Annotated[int, typer.Option(min=1, help="Virtual CPUs of the guest.")],
    cpu_type: Annotated[str, typer.Option(help="Kind of virtual CPU, for example EPYC-v4.")],
    features: Annotated[str, typer.Option(help="SEV_FEATURES, for example 0x1.")] = "0x1",
    vmm: Annotated[str, typer.Option(help="QEMU, ec2 or gce.")] = "QEMU",
    kernel: Annotated[Path | None, typer.Option(help="Kernel that the VMM is given.")] = None,
    initrd: Annotated[Path | None, typer.Option(help="Its initrd.")] = None,
    append: Annotated[str, typer.Option(help="Its command line.")] = "",
    until: Until = None,
    output: Output = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """An SNP launch measurement, computed from an image and launch parameters."""
    with errors_explained(as_json=as_json):
        launch = SnpLaunch(
            cpus,
            cpu_type,
            _number(features),
            vmm,
            None if kernel is None else read_file(kernel, MAX_PART),
            None if initrd is None else read_file(initrd, MAX_PART),
            append,
        )
        values = of_firmware(read_file(firmware, MAX_FIRMWARE), launch, term_of(until))
        hand_over(values, Target(output, into, as_json))


@app.command("from-tdvf")
def from_tdvf(
    image: Annotated[Path, typer.Argument(help="TDVF image that TDs start with.")],
    order: Annotated[
        PageOrder, typer.Option(help="The VMM extends each page, or each section at once.")
    ] = PageOrder.PAGE,
    until: Until = None,
    output: Output = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """A TD's MRTD, computed from its virtual firmware."""
    with errors_explained(as_json=as_json):
        values = of_tdvf(read_file(image, MAX_IMAGE), order, term_of(until))
        hand_over(values, Target(output, into, as_json))


@app.command("from-log")
def from_log(
    log: Annotated[Path, typer.Argument(help="TPM event log, binary_bios_measurements.")],
    events: Annotated[bool, typer.Option("--events", help="Only list the events.")] = False,
    pcr: Pcrs = None,
    bank: Bank = PcrBank.SHA256,
    applications: Applications = False,
    authorities: Authorities = False,
    variable: Variables = None,
    until: Until = None,
    output: Output = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """From a TPM's event log, event by event; no quote stands behind a bare log."""
    with errors_explained(as_json=as_json):
        raw = read_file(log, MAX_LOG)
        if events:
            found = boot_events(parse_event_log(raw), HashAlgorithm[bank.name])
            if as_json:
                print_json({"events": event_documents(found)})
            else:
                print_events(found)
            return
        choice = _tpm(pcr, bank, applications, authorities, variable)
        hand_over(of_event_log(raw, choice, term_of(until)), Target(output, into, as_json))


@app.command("compare")
def compare_two(
    left: Annotated[str, typer.Argument(help="A body's file, or a baseline in force.")],
    right: Annotated[str | None, typer.Argument(help="Another one.")] = None,
    node: Annotated[str | None, typer.Option(help="A node's last evidence instead.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is the same.")] = False,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Two baselines side by side, or a baseline beside what a node showed. Exit 1: they differ."""
    if (right is None) == (node is None):
        raise typer.BadParameter("name another baseline or a node", param_hint="RIGHT or --node")
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        ours = _baseline(desk, left)
        if node is not None:
            shown = observed_node(desk.client, node)
            if shown.shown is None or not shown.measurable:
                raise NotFound(
                    f"the evidence of {node} is not kept, or not genuine",
                    hint="keyturn node show says why",
                )
            rows = compare_node(ours, shown.shown)
        else:
            rows = compare(ours, _baseline(desk, right or ""))
        if as_json:
            print_json({"rows": row_documents(rows), "same": all(row.same for row in rows)})
        else:
            print_rows(rows, left, node or right or "", every=every)
    if not all(row.same for row in rows):
        raise typer.Exit(1)


@app.command("list")
def list_baselines(
    profile: ProfileDir = None, passphrase_fd: PassphraseFd = None, as_json: AsJson = False
) -> None:
    """Baselines in force: which policies name them, and what of them ends, the first first."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        state, moment = desk.client.state(), now()
        named = {
            each.statement.subject: [
                policy.statement.subject
                for policy in policies_naming(state, each.statement.subject, moment)
            ]
            for each in in_force(state, moment)
            if each.statement.kind is Kind.REFERENCE_VALUES
        }
        ends = endings_in_force(state, moment)
        if as_json:
            print_json({"baselines": named, "endings": ending_documents(ends)})
            return
        warn_simulated(desk.client.authority().roster.simulation)
        print_endings(ends, named)


@app.command()
def show(
    baseline: Annotated[str, typer.Argument(help="A body's file, or a baseline in force.")],
    nodes: Annotated[bool, typer.Option("--nodes", help="Also which nodes rest on it.")] = False,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """A baseline: each value, where it comes from, until when, and what rests on it."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        values = _baseline(desk, baseline)
        policies = [
            each.statement.subject for each in policies_naming(desk.client.state(), baseline, now())
        ]
        resting = nodes_resting(values, desk.client.observe_fleet()) if nodes else ()
        if as_json:
            print_json(
                {
                    "values": value_documents(values),
                    "endings": [
                        {"what": each.what, "until": format_time(each.until)}
                        for each in endings(values)
                    ],
                    "policies": policies,
                    "nodes": {each.node: list(each.parts) for each in resting} if nodes else None,
                }
            )
            return
        print_values(values)
        stdout.print(f"named by policies: {', '.join(policies) or 'none'}", markup=False)
        for each in resting:
            stdout.print(f"node {each.node} rests on it: {', '.join(each.parts)}", markup=False)


def _captured_file(
    desk: Desk, path: Path | None, at: str | None, choices: Choices, until: str | None
) -> ReferenceValues:
    if path is None:
        raise typer.BadParameter("name a file", param_hint="--evidence")
    moment = parse_time(at, what="--time") if at else now()
    state = desk.client.state()
    anchors, _ = anchors_in_force(state, now())
    observed = observed_file(read_file(path, MAX_REQUEST), anchors, state, moment)
    term = term_of(until)
    return captured(observed, obtained=term.obtained, until=term.until, choices=choices)


def _baseline(desk: Desk, name: str) -> ReferenceValues:
    """A file's, or the one in force of that name. Raises NotFound."""
    if Path(name).is_file():
        return read_body(Path(name))
    found = desk.client.state().in_force(Kind.REFERENCE_VALUES, name, now())
    if found is None or not isinstance(found.statement.body, ReferenceValues):
        raise NotFound(
            f"no baseline {name!r} is in force, and no file is called so",
            hint="keyturn proposal list shows what was proposed",
        )
    return found.statement.body


def _tpm(
    pcr: list[int] | None,
    bank: PcrBank,
    applications: bool,
    authorities: bool,
    variable: list[str] | None,
) -> TpmChoice:
    pcrs = TpmChoice().pcrs if pcr is None else tuple(sorted(set(pcr)))
    return TpmChoice(bank, pcrs, applications, authorities, frozenset(variable or ()))


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise typer.BadParameter("a number such as 0x1", param_hint="--features") from None


def _anchors(simulated: list[str] | None) -> TrustAnchors:
    if not simulated:
        return HARDWARE_ANCHORS
    roots = {Vendor.NVIDIA_RIM: [SpkiDigest(each) for each in simulated]}
    return HARDWARE_ANCHORS.with_simulated(roots, source="--simulated-root")
