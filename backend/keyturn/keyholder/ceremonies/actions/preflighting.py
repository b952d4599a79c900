"""Pre-flight: what the module can do, tried before anything is made with it (DESIGN §5.9)."""

from keyturn.base.encoding import digest_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.factreading import MAX_REMARKS, MAX_TEXT
from keyturn.ceremony.facts import Facts, Level, Preflighted
from keyturn.ceremony.keyfacts import Assurance, TokenFacts
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.tokenreport import Level as Found
from keyturn.ceremony.tokenreport import PreflightReport, parse_report
from keyturn.hsm.ceremonytasks import Secret
from keyturn.hsm.preflightchild import preflight_token
from keyturn.keyholder.ceremonies.actions.newsecrets import trial_token
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.served import PREFLIGHT
from keyturn.keyholder.ceremonies.sharing import pin_descriptor


def preflight(doing: Doing) -> Facts:
    """On a trial token of the same module, which is destroyed. A red report fails the step."""
    with trial_token(doing.site.module, doing.files, doing.plan.token, doing.random) as trial:
        secrets = trial.secrets
        with (
            pin_descriptor(secrets[ShareUse.USER]) as pin_fd,
            pin_descriptor(secrets[ShareUse.SO], "so-pin") as so_pin_fd,
        ):
            raw = preflight_token(
                trial.place, {Secret.PIN: pin_fd, Secret.SO_PIN: so_pin_fd}, trial=True
            )
    return judged(doing, raw)


def judged(doing: Doing, raw: bytes) -> Facts:
    """Keep the report and judge it. Raises CeremonyRefused where it is red."""
    report = parse_report(raw)
    doing.files.keep(PREFLIGHT, raw)
    red = report.of_level(Found.RED)
    if red:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "the token must not be used",
            found="; ".join(f"{each.name}: {each.found}" for each in red)[:MAX_TEXT],
            expected="no red check",
            hint="the whole report is preflight.json",
        )
    remarks = tuple(
        f"{each.name}: {each.found}"[:MAX_TEXT] for each in report.of_level(Found.AMBER)
    )
    return Preflighted(
        digest_of(raw), Level(report.level.value), _token(report), remarks[:MAX_REMARKS]
    )


def _token(report: PreflightReport) -> TokenFacts:
    token = report.token
    return TokenFacts(
        token.label,
        token.serial,
        token.manufacturer,
        token.model,
        token.firmware,
        Assurance(report.assurance.value),
    )


PREFLIGHT_ACT = Act(preflight, left="everything as it was; the trial token is gone")
