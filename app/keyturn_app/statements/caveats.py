"""What each caveat means, in a line for people (I11)."""

from keyturn.quorum.policy_body import Caveat
from keyturn_app.i18n import _


def meaning(caveat: str) -> str:
    """Empty for a caveat that this app does not know."""
    return {
        Caveat.KEYHOLDER_HOST_TRUSTED.value: _("whoever runs the keyholder's host is trusted"),
        Caveat.SOFTWARE_ASSURANCE.value: _("the keys lie in software, not in an HSM"),
        Caveat.SIMULATED.value: _("simulated hardware signed this: it proves nothing"),
        Caveat.HOST_CONTROLLED_CLOCK.value: _("the host sets the node's clock"),
        Caveat.PARAVISOR.value: _("the cloud's own layer runs inside the trust boundary"),
        Caveat.BOOT_TIME_ONLY.value: _("measured when it started, not since"),
        Caveat.PPCIE_PLAINTEXT_NVLINK.value: _("data between the GPUs is not encrypted"),
        Caveat.NO_DEVICE_BINDING_HARDWARE.value: _("nothing in hardware ties the GPU to this CPU"),
        Caveat.CLASSICAL_ONLY.value: _("a quantum computer could break these signatures"),
        Caveat.NO_WITNESS.value: _("no witness has seen this log"),
        Caveat.UNLOCKED_MEMORY.value: _("the node's memory could be written to a swap device"),
        Caveat.PHYSICAL_ACCESS.value: _("whoever can open the machine can read its memory"),
    }.get(caveat, "")
