"""Whether a token can carry Keyturn, proved by use before the ceremony that relies on it.

Every mechanism is tried on throw-away session keys made with the very profiles of the real
ones, and every restriction by trying to break it; nothing is left on the token. Green: as
wanted. Amber: works, with a named weakness. Red: Keyturn must not run on it.
"""

from contextlib import suppress
from datetime import datetime

from keyturn.ceremony.tokenreport import PreflightReport, TokenAssurance
from keyturn.hsm import keytrials, tokentrials
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.errors import HsmError
from keyturn.hsm.hardening import Hardened
from keyturn.hsm.inventory import describe_token
from keyturn.hsm.pkcs11 import Library, Session
from keyturn.hsm.profiles import Label
from keyturn.hsm.token import assurance_of, find_token, log_in
from keyturn.hsm.trials import Place, Trial
from keyturn.hsm.vendors import vendor_of

_ANOTHER = "use another token: this one cannot carry Keyturn"
_PROFILE = "use a token that enforces the attributes of its keys"
TRIALS = (
    Trial("assurance", "hardware", "use a hardware token in production", tokentrials.assurance),
    Trial(
        "memory locked",
        "locked, no core dumps",
        "raise the limit on locked memory (systemd: LimitMEMLOCK=infinity)",
        tokentrials.memory,
    ),
    Trial(
        "version",
        "a version that was tested",
        "read what is known of this vendor; trust only what the other checks show",
        tokentrials.versions,
    ),
    Trial(
        "login model",
        "user and security officer apart, each with a PIN",
        "use a token where the security officer has a PIN of his own",
        tokentrials.login,
    ),
    Trial(
        "wrong PINs",
        "wrong PINs lock, and none was given",
        "use PINs of 128 random bits; find out who gave a wrong one",
        tokentrials.lockout,
    ),
    Trial(
        "FIPS mode",
        "FIPS mode, where a profile asks for it",
        "look with the vendor's own tool",
        tokentrials.fips,
    ),
    Trial("clock", "token and host agree", "set the clock that is wrong", tokentrials.clock),
    Trial(
        "free space",
        f"{tokentrials.ROOM} bytes or more",
        "free space on the token; look with the vendor's own tool",
        tokentrials.space,
    ),
    Trial("keys kept on the token", "a KEK can be kept", _ANOTHER, keytrials.kept_on_the_token),
    Trial("KEK attributes", "as they were asked for", _PROFILE, keytrials.kek_attributes),
    Trial(
        "KEK restrictions enforced",
        "no reading, changing, copying, decrypting, wrapping out",
        _PROFILE,
        keytrials.kek_restrictions,
    ),
    Trial(
        "recoverable KEK restricted",
        "leaves under a trusted key only, which only the security officer makes",
        "use profile never extractable here, or another token",
        keytrials.recoverable_restrictions,
    ),
    Trial(
        "unwrap template enforced",
        "a key opens in the one form only",
        _PROFILE,
        keytrials.unwrap_template_kek,
    ),
    Trial(
        "unwrap template enforced, ingest key",
        "a key opens in the one form only",
        _PROFILE,
        keytrials.unwrap_template_ingest,
    ),
    Trial("AES key wrap is RFC 3394", "RFC 3394", _ANOTHER, keytrials.key_wrap),
    Trial("tag verified in the token", "HMAC-SHA256", _ANOTHER, keytrials.tag),
    Trial(
        "RSA-OAEP to a node",
        "SHA-256, proved end to end",
        "SHA-1 is no weakness of OAEP known today; a newer token offers SHA-256",
        keytrials.release,
    ),
    Trial(
        "RSA-OAEP from a sealer",
        "SHA-256, proved end to end",
        "SHA-1 is no weakness of OAEP known today; a newer token offers SHA-256",
        keytrials.ingest,
    ),
    Trial(
        "Ed25519 log key",
        "signs in the token",
        "use a token with Ed25519; on this one the log key lies in the workers' memory, and "
        "whoever reads that has it",
        keytrials.log_key,
    ),
    Trial("P-256 result key", "signs in the token", _ANOTHER, keytrials.result_key),
    Trial("mark on the token", "a data object is kept", _ANOTHER, tokentrials.mark),
    Trial(
        "keys of the ceremony",
        "all there, as made, proved by use",
        "make them at a genesis; restore them where they are damaged",
        keytrials.ceremony_keys,
    ),
)


def run_preflight(
    library: Library, label: str, pin: bytearray, hardened: Hardened, now: datetime
) -> PreflightReport:
    """Try everything. The caller wipes the PIN; `now` is the host's time, UTC.

    Raises HsmUnreachable without such a token, PinRefused; any other failure is a red check.
    """
    token, module = find_token(library, label), library.about()
    vendor = vendor_of(module, token)
    with library.session(token.slot) as session:
        log_in(session, pin)
        _clear_trials(session)
        checks = []
        for trial in TRIALS:
            with library.session(token.slot) as own:  # what a broken trial left ends with it
                place = Place(own, token, module, vendor, hardened, now, pin)
                checks.append(trial.tried(place))
    return PreflightReport(
        now,
        library.describe(),
        *describe_token(module, token),
        TokenAssurance(assurance_of(token).value),
        tuple(checks),
    )


def _clear_trials(session: Session) -> None:
    """What a pre-flight that was killed left on the token."""
    with suppress(HsmError):
        for handle in session.find(Template(((Attr.LABEL, Label.TRIAL.value.encode()),))):
            session.destroy(handle)
