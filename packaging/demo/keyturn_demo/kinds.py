"""Machines of every kind beside plain SNP ones: TPMs, and a trust domain of Intel's."""

from keyturn_demo import boots
from keyturn_demo.console import Narrator
from keyturn_demo.parts import ServingNode, System
from keyturn_demo.world import GOOD_FIRMWARE

TD = "node-4"
GOLDEN = "node-1"


class EveryKind:
    """What the story does for them; each step raises StepFailed unless it held."""

    def __init__(self, system: System, say: Narrator) -> None:
        self._system = system
        self._say = say

    def make_machines(self, *others: str) -> None:
        """Begin to make the TD, and to boot the TPMs of it and of the others."""
        self._system.make_machine(TD, GOOD_FIRMWARE, tee="tdx")
        for name in (*others, TD):
            self._system.start_tpm(name)

    def captured_boot(self) -> dict[str, object]:
        """The golden machine's boot, for the baseline."""
        with self._say.working("the golden machine's TPM boots"):
            folder = self._system.wait_tpm(GOLDEN)
        boot = boots.captured(folder / "tpm.sock", folder / "event.log")
        self._say.step(
            "boot of the golden machine read from its TPM",
            "a real TPM 2.0 (swtpm): PCRs, Secure Boot, boot loaders",
        )
        return boot

    def start(self) -> None:
        """The TD starts beside: it needs what Intel says of its platform."""
        self._system.start_devices(TD)
        kinds = self._system.hand_in_collateral(GOLDEN, TD)
        self._say.step("collateral of the SIMULATED vendors handed in, kept", ", ".join(kinds))
        self._system.start_agent(TD)

    def serving(self) -> ServingNode:
        """The TD, as soon as it serves."""
        with self._say.working(f"{TD} attests: Intel TDX"):
            return self._system.wait_serving(TD)
