"""What a release is made of, measured alone: bare signature checks, the HSM worker, an fsync.

One thread each, in this process (the HSM's in a worker of its own on the same token), while the
keyholder idles. *Bare* is the library's verification with keys already parsed, nothing else.
"""

import itertools
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
SNP_BARE_NEW = "SNP: bare signature checks of report and VEK"
SNP_NEW = "SNP: verification, node new, AMD's certificates seen"
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


@dataclass(slots=True)
class Times:
    """Milliseconds of each repetition: wall clock, and CPU time of the thread that acted."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def document(self) -> dict[str, float]:
        return {
            "p50_ms": round(quantile(self.wall, 0.5), 3),
            "p99_ms": round(quantile(self.wall, 0.99), 3),
            "cpu_p50_ms": round(quantile(self.cpu, 0.5), 3),
        }


def quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(yardsticks: Sequence[Yardstick], count: int, into: dict[str, Times]) -> None:
    """`count` times all of them in turn, so that a neighbour's load meets every one alike."""
    for number in range(count + 1):
        for each in yardsticks:
            began, busy = time.perf_counter(), time.thread_time()
            each.act()
            used, passed = time.thread_time() - busy, time.perf_counter() - began
            if number:
                times = into.setdefault(each.name, Times())
                times.wall.append(1000 * passed)
                times.cpu.append(1000 * used)


def signature_checks(request: ReleaseRequest) -> list[Yardstick]:
    """Of a request with one GPU, against the verification of the same bytes."""
    snp, gpu = request.evidence.cpu, request.evidence.gpus[0]
    if not isinstance(snp, SnpEvidence):
        raise TypeError("the yardsticks are those of SEV-SNP")
    vek, intermediate, root = map(parse_certificate, (snp.vek, snp.intermediate, snp.root))
    leaf = parse_certificate(gpu.chain[0])
    anchors = _anchors(snp, gpu.chain[-1])
    now, nonce, binding = datetime.now(UTC), device_nonce(request.core, 0), request.binding
    collateral = SnpCollateral(snp.vek, snp.intermediate, snp.root)
    seen = ChainCache()
    report, gpu_report = parse_snp_report(snp.report), parse_gpu_report(gpu.report)

    def bare() -> None:
        verify_p384(vek.public_key, report.r, report.s, report.signed, "report")

    def bare_with_vek() -> None:
        bare()
        verify_signed(vek.signed, intermediate, "VEK")

    def amd_seen() -> ChainCache:
        cache = ChainCache(8)
        cache.remember(root, root.digest)
        cache.remember(intermediate, root.digest)
        return cache

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
        Yardstick(SNP_BARE_NEW, bare_with_vek),
        Yardstick(SNP_NEW, lambda: verify(amd_seen())),
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
