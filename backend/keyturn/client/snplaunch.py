"""An SNP guest's launch measurement from its firmware and launch parameters, without any machine.

Computed by `sev-snp-measure` (IBM), which comes with the role `app` and is imported only here: AMD
56860 §8.17 (launch digest), QEMU's initial register state for a VMM and a kind of virtual CPU. It
reads files by their names and trusts what is in them: it is given private copies of bytes that
were bounded here, and whatever it raises becomes one typed error.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.client.errors import FileUnusable

MAX_FIRMWARE = 64 << 20
MAX_PART = 512 << 20
MAX_CPUS = 512
MAX_MEMORY = 64 << 20
_PAGE = 4096
VMMS = ("QEMU", "ec2", "gce")
_HINT = "Install Keyturn's role app: pip install 'keyturn[app]'."


class LaunchUnusable(MalformedError):
    """The firmware cannot be launched so, or the parameters say nothing that is known."""


@dataclass(frozen=True, slots=True)
class SnpLaunch:
    """How a guest is launched. `cpu_type` is QEMU's name, such as EPYC-v4; `features` are
    SEV_FEATURES (1: SNP alone). `kernel`, `initrd` and `append` are measured where a kernel is
    given to the VMM, and otherwise None and ""."""

    cpus: int
    cpu_type: str
    features: int = 1
    vmm: str = "QEMU"
    kernel: bytes | None = None
    initrd: bytes | None = None
    append: str = ""

    def described(self) -> str:
        """Every parameter in one line; files by their digests."""
        parts = [
            f"{self.cpus} × {self.cpu_type}",
            f"guest features {self.features:#x}",
            f"VMM {self.vmm}",
        ]
        if self.kernel is not None:
            parts.append(f"kernel {digest_of(self.kernel)}")
            if self.initrd is not None:
                parts.append(f"initrd {digest_of(self.initrd)}")
            parts.append(f"append {self.append!r}"[:300])
        return ", ".join(parts)


def cpu_types() -> tuple[str, ...]:
    """Known kinds of virtual CPU. Raises FileUnusable where the library is not installed."""
    try:
        from sevsnpmeasure.vcpu_types import CPU_SIGS
    except ImportError as error:
        raise FileUnusable("sev-snp-measure is not installed", hint=_HINT) from error
    return tuple(sorted(CPU_SIGS))


def launch_digest(firmware: bytes, launch: SnpLaunch) -> bytes:
    """48 bytes. Raises LaunchUnusable, FileUnusable."""
    known = cpu_types()
    _check(firmware, launch, known)
    from sevsnpmeasure.guest import snp_calc_launch_digest
    from sevsnpmeasure.vcpu_types import CPU_SIGS
    from sevsnpmeasure.vmm_types import VMMType

    with TemporaryDirectory(prefix="keyturn-launch-") as place:
        image = _put(place, "firmware", firmware)
        kernel = _put(place, "kernel", launch.kernel)
        initrd = _put(place, "initrd", launch.initrd)
        try:
            _check_memory(image)
            found = snp_calc_launch_digest(
                launch.cpus,
                CPU_SIGS[launch.cpu_type],
                image,
                kernel,
                initrd,
                launch.append,
                launch.features,
                "",
                VMMType[launch.vmm],
            )
        except _RAISED as error:
            raise LaunchUnusable(
                "the firmware cannot be launched so",
                found=str(error)[:200] or type(error).__name__,
                expected="an OVMF image with SEV metadata, and with a table of hashes for a kernel",
            ) from error
    return bytes(found)


_RAISED = (RuntimeError, ValueError, AssertionError, LookupError, ArithmeticError)


def _check(firmware: bytes, launch: SnpLaunch, known: tuple[str, ...]) -> None:
    sizes = [("firmware", firmware, MAX_FIRMWARE)]
    sizes += [
        (name, part, MAX_PART)
        for name, part in (("kernel", launch.kernel), ("initrd", launch.initrd))
        if part is not None
    ]
    for name, part, limit in sizes:
        if not part or len(part) > limit:
            raise LaunchUnusable(
                f"{name} is empty or too large", found=f"{len(part)} bytes", expected=f"≤ {limit}"
            )
    if len(firmware) % _PAGE:
        raise LaunchUnusable("the firmware is not of whole pages", found=f"{len(firmware)} bytes")
    if launch.cpu_type not in known:
        raise LaunchUnusable(
            "no such kind of CPU", found=launch.cpu_type[:60], expected=", ".join(known)
        )
    if launch.vmm not in VMMS:
        raise LaunchUnusable("no such VMM", found=launch.vmm[:60], expected=", ".join(VMMS))
    if not 1 <= launch.cpus <= MAX_CPUS or not 0 <= launch.features < 1 << 64:
        raise LaunchUnusable(
            "the number of CPUs or the guest features are impossible",
            found=f"{launch.cpus}, {launch.features:#x}",
            expected=f"1 to {MAX_CPUS}, 64 bits",
        )
    if launch.kernel is None and (launch.initrd is not None or launch.append):
        raise LaunchUnusable("an initrd or a command line without a kernel is not measured")


def _check_memory(image: str) -> None:
    """The firmware's metadata say how many pages are added: bounded, and of whole pages."""
    from sevsnpmeasure.ovmf import OVMF

    items = OVMF(image).metadata_items()
    if not items:
        raise LaunchUnusable("the firmware has no SEV metadata: it is not made for SNP")
    if any(each.size % _PAGE for each in items) or sum(each.size for each in items) > MAX_MEMORY:
        raise LaunchUnusable(
            "the firmware adds parts of pages, or too many",
            expected=f"whole pages, {MAX_MEMORY} bytes at most",
        )


def _put(place: str, name: str, content: bytes | None) -> str:
    if content is None:
        return ""
    path = Path(place) / name
    path.write_bytes(content)
    return str(path)
