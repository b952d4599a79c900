"""Reference values from facts that an officer has at hand: a node, manifests, images, a log.

Each function gives values for a baseline's body; nothing is proposed here, and nothing is asked of
a server but a node's evidence, which is verified on this machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.eventlog import parse_event_log
from keyturn.base.encoding import Digest, digest_of
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NotFound
from keyturn.client.snplaunch import SnpLaunch, launch_digest
from keyturn.keyrelease.challenge import issued_at
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.decision import caveats_of, shown_by
from keyturn.keyrelease.entries import RefusalEntry
from keyturn.keyrelease.observing import verify_again
from keyturn.keyrelease.request import parse_request
from keyturn.keyrelease.tpmevidence import ACTIVATED
from keyturn.policy.boot_values import TpmChoice, values_of_log
from keyturn.policy.capturing import Choices, NotCapturable, captured
from keyturn.policy.observed import Observed
from keyturn.policy.shown import platform_of
from keyturn.quorum.origin import Method, Origin, Provenance
from keyturn.quorum.reference_bodies import ReferenceValues, TdxReference
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.tee_rules import TdRegister
from keyturn.rim.corim_references import corim_references, read_signer
from keyturn.rim.references import prove, references_of
from keyturn.rim.tdvf import PageOrder, mrtd
from keyturn.rim.verify import RimAsked

MAX_RIM = 1 << 20
NOT_ACTIVATED = "ak-not-activated"


@dataclass(frozen=True, slots=True)
class Term:
    """When values were come by, and until when they count; `until` None: without end."""

    obtained: datetime
    until: datetime | None = None


def observed_node(client: KeyturnClient, node: str) -> Observed:
    """A node's last evidence, verified here. Raises NotFound."""
    seen = client.seen()
    found = client.observe_fleet(seen=seen, nodes=[node])
    if not found:
        raise NotFound(
            f"the log has neither a grant nor a refusal for {node!r}",
            hint="the node has to ask for a key once",
        )
    return found[0]


def captured_from(
    client: KeyturnClient, node: str, choices: Choices, term: Term
) -> ReferenceValues:
    """From a node's last evidence. Raises NotFound, NotCapturable, NotInTheLog.

    Whether a TPM's key was activated only the keyholder knows: where its refusal says that it was
    not, no value of that TPM is taken.
    """
    observed = observed_node(client, node)
    logged = client.seen().index.logged(node)
    refused = logged.entry.reasons if logged and isinstance(logged.entry, RefusalEntry) else ()
    if choices.tpm is not None and NOT_ACTIVATED in refused:
        raise NotCapturable(
            f"the keyholder refused {node}, since its TPM's key was not activated",
            found=NOT_ACTIVATED,
            expected=ACTIVATED,
        )
    return captured(observed, obtained=term.obtained, until=term.until, choices=choices)


def observed_file(
    raw: bytes,
    anchors: TrustAnchors,
    state: AuthorityState,
    now: datetime,
    collateral: CollateralSet = NOTHING_KEPT,
) -> Observed:
    """A request from a file, verified as of `now`; no entry of the log stands behind it, so its
    node's name is what it says itself. A TPM in it is left out: whether its key was activated
    only an entry can tell. Without Intel's `collateral` no TD is genuine.

    Raises MalformedError for what is no request.
    """
    request = parse_request(raw)
    evidence = verify_again(request, anchors, now, ChainCache(), collateral)
    cpu = evidence.cpu
    shown = None
    if cpu is not None:
        whole = shown_by(request, evidence, cpu, issued_at(request.challenge))
        shown = replace(whole, tpm=None, tpm_shown=False)
    return Observed(
        node=request.claims.node,
        model=request.model,
        platform="" if cpu is None else platform_of(cpu),
        evidence=request.digest,
        time=now,
        shown=shown,
        findings=evidence.findings,
        caveats=caveats_of(request, evidence, state, now),
    )


def of_manifests(
    files: Sequence[bytes], anchors: TrustAnchors, roots: Sequence[bytes], term: Term
) -> ReferenceValues:
    """From NVIDIA's RIMs. `roots`: certificates (DER) for manifests that leave out their last; only
    a pinned one counts. Raises MalformedEvidence, UntrustedEvidence."""
    asked = RimAsked(anchors=anchors, now=term.obtained, cache=ChainCache(), roots=tuple(roots))
    proved = [prove(each, asked) for each in files]
    return references_of(proved, obtained=term.obtained, until=term.until)


def of_corim(raw: bytes, key: bytes, named: Digest, term: Term) -> ReferenceValues:
    """From a CoRIM whose signer the officer names. Raises MalformedEvidence, UntrustedEvidence."""
    signer = read_signer(key, named, term.obtained)
    return corim_references(raw, signer, obtained=term.obtained, until=term.until)


def of_firmware(firmware: bytes, launch: SnpLaunch, term: Term) -> ReferenceValues:
    """An SNP launch measurement, computed. Raises LaunchUnusable, FileUnusable."""
    value = launch_digest(firmware, launch).hex()
    source = f"computed from firmware {digest_of(firmware)}, {launch.described()}"
    return ReferenceValues({value: _computed(source, firmware, term)}, ())


def of_tdvf(image: bytes, order: PageOrder, term: Term) -> ReferenceValues:
    """A TD's MRTD, computed. Raises MalformedEvidence."""
    value = mrtd(image, order).hex()
    source = f"computed from TDVF {digest_of(image)}, extended by {order.value}"
    registers = {TdRegister.MRTD: frozenset({value})}
    reference = TdxReference(registers, _computed(source, image, term))
    return ReferenceValues({}, (), tdx=(reference,))


def of_event_log(raw: bytes, choice: TpmChoice, term: Term) -> ReferenceValues:
    """Values of a bare event log. Raises MalformedEvidence, NotInTheLog."""
    log = parse_event_log(raw)
    reference = values_of_log(log, choice, digest_of(raw), term.obtained, term.until)
    return ReferenceValues({}, (), (reference,))


def _computed(source: str, document: bytes, term: Term) -> Origin:
    provenance = Provenance(Method.COMPUTED, digest_of(document), None, term.obtained, term.until)
    return Origin(source[:2000], provenance)
