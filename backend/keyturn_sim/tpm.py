"""SIMULATED machines with a real TPM 2.0: swtpm, under an authority of its own.

`SimTpmMaker` stands for the TPM's maker and is never a default anchor; `SimTpm` is one TPM, with
its state in a folder, and boots a machine on it: registers extended as its log says. swtpm
implements the TPM, and this starts and stops it; nothing here can sign a quote.
"""

import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn_sim.bootlog import SimBoot
from keyturn_sim.hcl import AK_HANDLE, REPORT_INDEX, runtime_data
from keyturn_sim.pki import (
    der_of,
    der_oid,
    der_tlv,
    make_certificate,
    make_certificate_of,
    new_p384_key,
    spki_digest,
)
from keyturn_sim.tpm_commands import (
    AK_ECC,
    AK_INDEX,
    AK_RSA,
    EK_ECC,
    EK_ECC_INDEX,
    EK_RSA,
    EK_RSA_INDEX,
    SimTpmError,
    TpmLine,
)

_EK_USAGE, _AK_USAGE = "2.23.133.8.1", "2.23.133.8.3"
_EXTENDED_KEY_USAGE = "2.5.29.37"
_STARTING = 30.0
_STOPPING = 10.0
Paravisor = Callable[[bytes], bytes]
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class SimTpmMaker:
    """Certifies EKs and AKs of simulated TPMs."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    root: x509.Certificate = field(repr=False)

    @classmethod
    def create(cls) -> Self:
        key = new_p384_key()
        return cls(key, make_certificate("TPM maker", key, None, key, is_ca=True))

    @property
    def root_spki(self) -> str:
        """How a trust-anchors statement names it."""
        return spki_digest(self.root)

    @property
    def root_der(self) -> bytes:
        return der_of(self.root)

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    def certify(self, public: PublicKey, name: str, usage: str) -> bytes:
        """DER of a certificate of a TPM's key."""
        extension = (_EXTENDED_KEY_USAGE, der_tlv(0x30, der_oid(usage)))
        made = make_certificate_of(
            name, public, self.root, self.key, is_ca=False, extensions=(extension,)
        )
        return der_of(made)


class SimTpm:
    """One TPM. `start` boots its machine; a context manager that stops it clean.

    Raises SimTpmError where swtpm is not there or does not do what it was told.
    """

    def __init__(
        self,
        folder: Path,
        maker: SimTpmMaker,
        *,
        unpacked: Path | None = None,
        ak_certificate: bool = True,
        paravisor: Paravisor | None = None,
    ) -> None:
        """`folder`: the TPM's state, kept; made where it is missing. `unpacked`: a directory into
        which Debian packages were unpacked without root. `ak_certificate`: whether the maker
        certifies the AK too, as makers of virtual TPMs do, or the EKs alone. `paravisor`: what
        makes the HCL report of an AK's runtime data; then the TPM keeps both, as Azure's do."""
        self._paravisor = paravisor
        self._ak_certificate = ak_certificate
        self._folder = folder
        self._maker = maker
        self._program, self._environment = find_swtpm(unpacked)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where the TPM takes commands, one connection at a time."""
        return self._folder / "tpm.sock"

    @property
    def issuers(self) -> Path:
        """The maker's certificate, PEM."""
        return self._folder / "issuers.pem"

    @property
    def log(self) -> Path:
        """The event log of the last boot."""
        return self._folder / "event.log"

    def start(self, boot: SimBoot | None = None) -> Self:
        """Power on and boot: the registers are extended, the log is written."""
        boot = SimBoot() if boot is None else boot
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        self._process = self._spawn()
        line = self._connect()
        try:
            self._manufacture(line)
            for event in boot.events():
                line.extend(event.register, event.digests)
        finally:
            line.close()
        self.log.write_bytes(boot.log())
        self.issuers.write_bytes(self._maker.root_pem)
        return self

    def stop(self) -> None:
        """Power off in order; what is stopped already is left alone."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            line = TpmLine(self.socket)
            try:
                line.shut_down()
            finally:
                line.close()
                process.terminate()
        try:
            process.wait(_STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.socket.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [str(self._program), "socket", "--tpm2"]
        command += ["--tpmstate", f"dir={self._folder.absolute()},mode=0600"]
        command += ["--server", f"type=unixio,path={self.socket.absolute()},mode=0600"]
        command += ["--flags", "not-need-init,startup-clear"]
        return subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _connect(self) -> TpmLine:
        """As soon as swtpm listens. Raises SimTpmError."""
        pause = threading.Event()
        for _ in range(int(_STARTING * 100)):
            try:
                return TpmLine(self.socket)
            except (FileNotFoundError, ConnectionRefusedError):
                if self._process is None or self._process.poll() is not None:
                    break
                pause.wait(0.01)
        self.stop()
        raise SimTpmError("swtpm did not start", hint=f"{self._program}")

    def _manufacture(self, line: TpmLine) -> None:
        """Once in a TPM's life: certificates of its keys, which are always the same."""
        done = self._folder / "manufactured"
        if done.exists():
            return
        name = f"TPM {secrets.token_hex(4)}"
        for template, index, kind, usage in (
            (EK_RSA, EK_RSA_INDEX, "EK RSA", _EK_USAGE),
            (EK_ECC, EK_ECC_INDEX, "EK ECC", _EK_USAGE),
            (AK_ECC, AK_INDEX, "AK", _AK_USAGE),
        ):
            if template is AK_ECC and not self._ak_certificate:
                continue
            public = read_public(line.primary_public(template))
            line.store(index, self._maker.certify(public, f"{name} {kind}", usage))
        if self._paravisor is not None:
            ak = read_public(line.persist(AK_RSA, AK_HANDLE))
            if not isinstance(ak, rsa.RSAPublicKey):
                raise SimTpmError("the simulated TPM's key is of another form than its template")
            line.store(REPORT_INDEX, self._paravisor(runtime_data(ak)))
        done.touch()


def read_public(raw: bytes) -> PublicKey:
    """The key in a TPMT_PUBLIC of one of the three templates."""
    if raw[:2] == b"\x00\x01":
        return rsa.RSAPublicNumbers(65537, int.from_bytes(raw[-256:], "big")).public_key()
    sizes = int.from_bytes(raw[-34:-32], "big"), int.from_bytes(raw[-68:-66], "big")
    if sizes != (32, 32):
        raise SimTpmError("the simulated TPM's key is of another form than its template")
    x, y = int.from_bytes(raw[-66:-34], "big"), int.from_bytes(raw[-32:], "big")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def find_swtpm(unpacked: Path | None = None) -> tuple[Path, dict[str, str]]:
    """swtpm and the environment to run it in. Raises SimTpmError."""
    environment = dict(os.environ)
    found = shutil.which("swtpm")
    if found:
        return Path(found), environment
    program = (unpacked or Path("/nowhere")) / "usr/bin/swtpm"
    if not program.is_file():
        raise SimTpmError("swtpm is not installed", hint="install the package swtpm")
    libraries = sorted(program.parents[2].glob("usr/lib/*-linux-gnu*"))
    folders = [str(each) for folder in libraries for each in (folder, folder / "swtpm")]
    given = environment.get("LD_LIBRARY_PATH")
    environment["LD_LIBRARY_PATH"] = os.pathsep.join([*folders, *([given] if given else [])])
    return program, environment
