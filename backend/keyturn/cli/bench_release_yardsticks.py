"""What a release is made of, measured alone: bare signature checks, the HSM worker, an fsync.

One thread each, in this process (the HSM's in a worker of its own on the same token), while the
keyholder idles. *Bare* is the library's verification with keys already parsed, nothing else.
"""

import itertools
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate, parse_certificate, verify_signed
from keyturn.attest.chains import ChainCache
from keyturn.attest.nvidia import verify_gpu
from keyturn.attest.p384 import verify_p384
from keyturn.attest.snp import SnpCollateral, verify_snp
from keyturn.attest.snp_report import parse_snp_report
from keyturn.attest.spdm import parse_gpu_report
from keyturn.base.encoding import digest_bytes
from keyturn.cli.bench_release_desk import Admitted
from keyturn.cli.bench_release_place import Place
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.protocol import ReleaseOrder
from keyturn.keyrelease.binding import device_nonce
from keyturn.keyrelease.request import ReleaseRequest, SnpEvidence

SNP_BARE = "SNP: bare signature check of the report"
SNP_KNOWN = "SNP: verification, node seen before"
SNP_BARE_CHAIN = "SNP: bare signature checks of report and chain"
SNP_NEW = "SNP: verification, nothing seen before"
GPU_BARE = "GPU: bare signature check of the report"
GPU_KNOWN = "GPU: verification, device seen before"
HSM_RELEASE = "HSM worker: unwrap, tag, wrap"
HSM_RESULT = "HSM worker: sign a result"
HSM_LOG = "HSM worker: sign a checkpoint"
FSYNC = "write 1 KiB and fsync"


@dataclass(frozen=True, slots=True)
class Yardstick:
    name: str
    act: Callable[[], object]


def measured(yardsticks: Sequence[Yardstick], count: int) -> dict[str, tuple[float, ...]]:
    """Seconds of each of `count` repetitions, each yardstick in turn after one unmeasured."""
    found = {}
    for each in yardsticks:
        each.act()
        times = []
        for _ in range(count):
            began = time.perf_counter()
            each.act()
            times.append(time.perf_counter() - began)
        found[each.name] = tuple(times)
    return found


def signature_checks(request: ReleaseRequest) -> list[Yardstick]:
    """Of a request with one GPU, against the verification of the same bytes."""
    snp, gpu = request.evidence.snp, request.evidence.gpus[0]
    chain = [parse_certificate(each) for each in (snp.vek, snp.intermediate, snp.root)]
    leaf = parse_certificate(gpu.chain[0])
    anchors = _anchors(snp, gpu.chain[-1])
    now, nonce, binding = datetime.now(UTC), device_nonce(request.core, 0), request.binding
    collateral = SnpCollateral(snp.vek, snp.intermediate, snp.root)
    seen = ChainCache()
    report, gpu_report = parse_snp_report(snp.report), parse_gpu_report(gpu.report)

    def bare() -> None:
        verify_p384(chain[0].public_key, report.r, report.s, report.signed, "report")

    def bare_chain() -> None:
        bare()
        for certificate, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
            verify_signed(certificate.signed, issuer, "certificate")

    def verify(cache: ChainCache) -> None:
        verify_snp(
            snp.report,
            collateral,
            anchors=anchors,
            now=now,
            expected_report_data=binding,
            cache=cache,
        )

    def bare_gpu() -> None:
        verify_p384(leaf.public_key, gpu_report.r, gpu_report.s, gpu_report.signed, "report")

    def verify_known_gpu() -> None:
        verify_gpu(
            gpu.report, gpu.chain, anchors=anchors, now=now, expected_nonce=nonce, cache=seen
        )

    return [
        Yardstick(SNP_BARE, bare),
        Yardstick(SNP_KNOWN, lambda: verify(seen)),
        Yardstick(SNP_BARE_CHAIN, bare_chain),
        Yardstick(SNP_NEW, lambda: verify(ChainCache(8))),
        Yardstick(GPU_BARE, bare_gpu),
        Yardstick(GPU_KNOWN, verify_known_gpu),
    ]


@contextmanager
def hsm_and_disk(place: Place, admitted: Admitted) -> Iterator[list[Yardstick]]:
    """A worker of our own beside the keyholder's, and a file beside its log."""
    node = rsa.generate_private_key(65537, 3072).public_key()
    spki = node.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    indexes = itertools.count(1)
    message = secrets.token_bytes(1024)
    path = place.directory / "fsync"
    with HsmWorker(place.worker, place.pin_fd) as hsm, _opened(path) as descriptor:

        def release() -> None:
            order = ReleaseOrder(
                digest_bytes(admitted.model),
                admitted.tag,
                spki,
                next(indexes),
                secrets.token_bytes(32),
            )
            hsm.release(admitted.wrapped, order)

        def write_and_sync() -> None:
            os.write(descriptor, message)
            os.fsync(descriptor)

        yield [
            Yardstick(HSM_RELEASE, release),
            Yardstick(HSM_RESULT, lambda: hsm.sign_result(message)),
            Yardstick(HSM_LOG, lambda: hsm.sign_log(message)),
            Yardstick(FSYNC, write_and_sync),
        ]


def _anchors(snp: SnpEvidence, gpu_root: bytes) -> TrustAnchors:
    """The simulated roots of this run, believed here only."""

    def spki(root: bytes) -> list[SpkiDigest]:
        certificate: Certificate = parse_certificate(root)
        return [certificate.spki]

    roots = {Vendor.AMD_SEV: spki(snp.root), Vendor.NVIDIA_DEVICE: spki(gpu_root)}
    return HARDWARE_ANCHORS.with_simulated(roots, source="this bench")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
