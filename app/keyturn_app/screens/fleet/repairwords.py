"""Words for every way out of a refusal: what is done, why it is the safest, what it risks. No Qt.

Each member of `Risk`, `Why` and `Setting`, and each kind of action, has its words here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from keyturn.policy import repairing
from keyturn.policy.repairing import Action, ChangeNode, Repair, Risk, Setting, Why
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.statements.caveats import meaning

AGENT = "keyturn agent doctor --config agent.toml"


@dataclass(frozen=True, slots=True)
class Step:
    """A line of what to do; `command`: exactly what is typed, if anything is."""

    text: str
    command: str = ""


def risk_words(risk: Risk) -> str:
    return {
        Risk.NOTHING: _("Changes nothing that anybody trusts."),
        Risk.MACHINE: _("Changes the machine alone; every rule stays."),
        Risk.RENEWAL: _("Puts the same statement in force again; nothing new is trusted."),
        Risk.KNOWN_GOOD: _("One more value counts as known good, for every node it fits."),
        Risk.RULE: _("Changes a rule, for every node of the model."),
    }[risk]


def risk_token(risk: Risk) -> str:
    return {
        Risk.NOTHING: "ok",
        Risk.MACHINE: "ok",
        Risk.RENEWAL: "pending",
        Risk.KNOWN_GOOD: "stale",
        Risk.RULE: "danger",
    }[risk]


def why_words(why: Why) -> str:
    return {
        Why.ALLOWED_NOW: _("What is in force by now lets the same evidence pass."),
        Why.NOTHING_CHANGES: _("Asking again trusts nobody anew."),
        Why.FRESH_DOCUMENTS: _("Only the maker's newer word is taken."),
        Why.KNOWN_GAP: _("The maker closed a weakness that this machine still has."),
        Why.READABLE: _("As it is, its host can read the model."),
        Why.STRICTER: _("The machine becomes what the rule asks; the rule stays."),
        Why.MET_ELSEWHERE: _("Other nodes of this model run what is approved."),
        Why.SAME_AGAIN: _("Nothing counts that was not approved before."),
        Why.GENUINE: _(
            "It is proved, not debugged and no weaker than the rule asks; people judge it."
        ),
        Why.MAKERS_WORD: _("The maker signs what is good; nobody here has to guess."),
        Why.YOURS: _("Only people know whether it is yours."),
        Why.INHERENT: _("No machine can be without this limit."),
        Why.TAKEN_AWAY: _("People took it away, and only a statement made since gives it back."),
        Why.NOT_PROVED: _("No statement mends what is not proved."),
    }[why]


def setting_words(setting: Setting) -> str:
    """What the node's operator changes, as an instruction."""
    return {
        Setting.FIRMWARE: _("Put the approved firmware back, and start the node with it"),
        Setting.DEBUG: _("Turn debugging off in the guest's policy"),
        Setting.MIGRATION: _("Turn migration off in the guest's policy"),
        Setting.SMT: _("Start the guest without simultaneous multithreading"),
        Setting.VMPL: _("Start the agent at the privilege level that the policy asks"),
        Setting.WORKLOAD: _("Start the workload whose digest the policy lists"),
        Setting.SECURE_BOOT: _("Turn Secure Boot on, and start the node again"),
        Setting.GPUS: _("Give the node the GPUs and switches that the policy counts"),
        Setting.GPU_MODE: _("Put the GPUs into the mode that the policy asks"),
        Setting.TPM: _("Give the node a TPM, and let its agent quote what the policy asks"),
        Setting.ALIAS_CHECK: _("Let the machine's firmware finish its memory alias check"),
        Setting.MEMORY: _("Let the agent lock its memory (its limit on locked memory)"),
        Setting.MACHINE: _("Run it on a machine or device that the policy allows"),
        Setting.PLATFORM: _("Change the host's configuration to what the policy allows"),
        Setting.OTHER: _("Change how the guest is started to what the policy asks"),
    }[setting]


_Title = Callable[[], str]
_TITLES: Mapping[type, _Title] = {
    repairing.RestartNode: lambda: _("Let the node ask again"),
    repairing.CosignLog: lambda: _("Have the witnesses cosign the log"),
    repairing.FetchCollateral: lambda: _("Fetch newer documents from the makers"),
    repairing.UpdateFirmware: lambda: _("Update the machine's firmware"),
    repairing.RemoveDebug: lambda: _("Start the guest without its debug policy"),
    repairing.RenewStatement: lambda: _("Propose the statement anew"),
    repairing.ProposeBaseline: lambda: _("Propose this node's firmware as a new baseline version"),
    repairing.ImportRim: lambda: _("Import the maker's signed reference values"),
    repairing.ProposePlatform: lambda: _("Propose this machine for the platform list"),
    repairing.ProposePolicyCaveat: lambda: _("Propose a policy that accepts the caveat by name"),
    repairing.MoveOn: lambda: _("Nothing to mend here: it was revoked"),
    repairing.Investigate: lambda: _("Investigate: this evidence proves nothing"),
}
ACTIONS = frozenset((*_TITLES, ChangeNode))


def title(repair: Repair) -> str:
    action = repair.action
    if isinstance(action, ChangeNode):
        return setting_words(action.setting)
    return _TITLES[type(action)]()


def button_text(repair: Repair) -> str:
    """What the button says; empty where there is nothing to press."""
    match repair.action:
        case repairing.ProposeBaseline() | repairing.ProposePlatform():
            return _("Review and propose…")
        case repairing.ProposePolicyCaveat():
            return _("Review the policy…")
        case repairing.RenewStatement():
            return _("Review and renew…")
        case repairing.ImportRim():
            return _("Open baselines")
        case repairing.FetchCollateral():
            return _("Open collateral")
        case repairing.CosignLog():
            return _("Show witnesses")
        case repairing.MoveOn(revocation=found) if found is not None:
            return _("Show the revocation")
    return ""


def steps(repair: Repair, node: str) -> tuple[Step, ...]:
    """What somebody has to do elsewhere, in order; empty where the button does it all."""
    return tuple(_steps(repair.action, node))


def _steps(action: Action, node: str) -> Iterator[Step]:
    match action:
        case repairing.RestartNode():
            yield Step(_("Restart the node's agent, or wait for its next request."))
            yield Step(_("On the node, see that all is well:"), AGENT)
        case repairing.FetchCollateral(kinds=kinds):
            if kinds:
                names = ", ".join(each.value for each in kinds)
                yield Step(_("Missing or too old: {names}.").format(names=names))
            yield Step(_("On a machine with a way out:"), "keyturn collateral fetch --due")
            yield Step(_("Without one, import a bundle:"), "keyturn collateral import bundle.zip")
        case repairing.UpdateFirmware(components=components):
            for each in components:
                yield Step(_component(each))
            yield Step(_("Update the firmware, restart the machine, then the node."))
        case repairing.RemoveDebug():
            yield Step(_("Clear the debug bit of the guest's launch policy, and start it again."))
        case ChangeNode():
            yield Step(_("Then restart the node; on it, see that all is well:"), AGENT)
        case repairing.ImportRim():
            yield Step(
                _("Or as a file:"), "keyturn baseline from-rim manifest.xml -o baseline.json"
            )
        case _:
            yield from _further(action, node)


def _further(action: Action, node: str) -> Iterator[Step]:
    match action:
        case repairing.ProposePlatform(site_known=False):
            yield Step(_("Its site is not known here: fill it in before you propose."))
        case repairing.ProposePolicyCaveat(caveat=caveat):
            yield Step(f"{caveat.value}: {meaning(caveat.value)}")
        case repairing.Investigate():
            yield Step(_("Export the explanation, and find out who sent this evidence."))
            yield Step(_("The same from a terminal:"), f"keyturn node explain {node}")
        case repairing.MoveOn(name=target):
            text = _("{target} comes back with a statement made after the revocation, if at all.")
            yield Step(text.format(target=wording.digest(target)))
        case repairing.RenewStatement(kind=kind, subject=subject):
            yield Step(f"{wording.kind_name(kind)} {wording.digest(subject)}")
        case _:
            return


def _component(found: repairing.Component) -> str:
    if found.found is None or found.least is None:
        return found.name
    text = _("{name}: {found}, at least {least} is asked")
    return text.format(name=found.name, found=found.found, least=found.least)
