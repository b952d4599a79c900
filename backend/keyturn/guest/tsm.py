"""The CPU's evidence from the kernel: Linux's configfs-tsm, for SNP and TDX guests alike.

Sources: Linux `Documentation/ABI/testing/configfs-tsm-report`, `drivers/virt/coco`; our protocol
§7.4. Each report has a directory of its own, which nobody else has a reason to write to; that
nobody did is what `generation` tells: it counts what was written. A binary attribute is taken in
when its file is closed, and an error is lost there, so that it is `generation` too that tells
whether `inblob` was taken.
"""

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from keyturn.guest.cpucertificates import CpuCertificates, certificates_of_table
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn.keyrelease.request import SnpEvidence, TdxEvidence
from keyturn.quorum.tee_rules import Tee

REPORTS = Path("/sys/kernel/config/tsm/report")
MAX_BLOB = 32 << 10
"""Bytes: TSM_OUTBLOB_MAX of the kernel."""
SNP_REPORT_SIZE = 1184
"""Bytes, AMD publication 56860, table ATTESTATION_REPORT."""
_PROVIDERS = {"sev_guest": Tee.SNP, "tdx_guest": Tee.TDX}
_AGAIN = frozenset({errno.EBUSY, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT})
_PAUSES = (0.0, 0.01, 0.05, 0.25, 1.0)  # seconds
_TRIES = 3


class ConfigFs:
    """Directories and attributes of configfs. Every call raises OSError."""

    def make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)

    def remove(self, folder: Path) -> None:
        """configfs takes a directory away with its attributes."""
        folder.rmdir()

    def read(self, path: Path) -> bytes:
        """At most one byte more than MAX_BLOB."""
        with path.open("rb", buffering=0) as file:
            found = b""
            while len(found) <= MAX_BLOB:
                more = file.read(MAX_BLOB + 1 - len(found))
                if not more:
                    break
                found += more
            return found

    def write(self, path: Path, data: bytes) -> None:
        """An attribute that is there already, in one piece."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.EIO, "written in part only")
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Blobs:
    provider: Tee
    out: bytes
    aux: bytes


class KernelReports:
    """A CPU whose kernel makes its reports. `certificates`: an SNP chip's, where the host gives
    none with its reports."""

    paravisor = False

    def __init__(
        self,
        folder: Path,
        certificates: CpuCertificates | None = None,
        files: ConfigFs | None = None,
    ) -> None:
        self._folder = folder
        self._certificates = certificates
        self._files = files or ConfigFs()

    def tee(self) -> Tee:
        """Raises DeviceUnreachable, DeviceAnswerMalformed."""
        with self._report() as report:
            return self._provider(report)

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        """A report or quote over 64 bytes. Raises DeviceUnreachable, DeviceAnswerMalformed."""
        for _ in range(_TRIES):
            blobs = self._ask(report_data)
            if blobs is not None:
                return self._evidence(blobs)
        raise DeviceUnreachable(
            "the kernel's report is disturbed each time",
            hint=f"something else writes below {self._folder}",
        )

    def _ask(self, report_data: bytes) -> _Blobs | None:
        """None: somebody else wrote between, or `inblob` was not taken."""
        with self._report() as report:
            before = self._generation(report)
            self._files.write(report / "inblob", report_data)
            provider, out = self._provider(report), self._patiently(report / "outblob")
            aux = b""
            with suppress(FileNotFoundError):  # TDX has none, and SNP where the host gives none
                aux = self._files.read(report / "auxblob")
            if self._generation(report) != before + 1:
                return None
        if len(out) > MAX_BLOB or len(aux) > MAX_BLOB:
            raise DeviceAnswerMalformed("the kernel's report is too large")
        return _Blobs(provider, out, aux)

    def _evidence(self, blobs: _Blobs) -> SnpEvidence | TdxEvidence:
        if blobs.provider is Tee.TDX:
            if not blobs.out:
                raise DeviceAnswerMalformed("the kernel's quote is empty")
            return TdxEvidence(blobs.out)
        if len(blobs.out) != SNP_REPORT_SIZE:
            raise DeviceAnswerMalformed(
                "the kernel's report has another size than SNP's",
                found=f"{len(blobs.out)} bytes",
                expected=f"{SNP_REPORT_SIZE} bytes",
            )
        found = certificates_of_table(blobs.aux) or self._certificates
        if found is None:
            raise DeviceUnreachable(
                "the host gives no certificates with its reports",
                hint="name a file with VCEK, ASK and ARK in the setting 'cpu_certificates'",
            )
        return SnpEvidence(blobs.out, found.vek, found.intermediate, found.root)

    @contextmanager
    def _report(self) -> Iterator[Path]:
        """A new directory, removed at the end; OSError becomes DeviceUnreachable."""
        report = self._folder / f"keyturn-{secrets.token_hex(8)}"
        try:
            self._files.make(report)
            try:
                yield report
            finally:
                with suppress(OSError):
                    self._files.remove(report)
        except OSError as error:
            raise DeviceUnreachable(
                f"the kernel gives no report: {error}",
                hint=f"Is this a confidential guest whose kernel has {self._folder}, and may I "
                "write there?",
            ) from error

    def _provider(self, report: Path) -> Tee:
        name = self._files.read(report / "provider").strip().decode("ascii", "replace")
        found = _PROVIDERS.get(name)
        if found is None:
            raise DeviceAnswerMalformed(
                "the kernel's reports are of an unknown kind",
                found=repr(name[:40]),
                expected=" or ".join(_PROVIDERS),
            )
        return found

    def _generation(self, report: Path) -> int:
        text = self._files.read(report / "generation").strip()
        if not text.isdigit() or len(text) > 20:
            raise DeviceAnswerMalformed("the kernel's generation is no number")
        return int(text)

    def _patiently(self, path: Path) -> bytes:
        """A processor or a quoting service that is busy is asked again."""
        for pause in _PAUSES:
            try:
                return self._files.read(path)
            except OSError as error:
                if error.errno not in _AGAIN:
                    raise
                time.sleep(pause)
        return self._files.read(path)
