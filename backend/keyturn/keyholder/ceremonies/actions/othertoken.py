"""The other HSM of an import that is rehearsed: a throw-away token with a KEK of its own.

It stands on the same host, beside the rehearsal's records, and is destroyed as soon as it has
wrapped its KEK to the transport key. In earnest its people do that, on a machine that is not ours.
"""

from keyturn.ceremony.script import ShareUse
from keyturn.hsm.backup import wrapped_document
from keyturn.hsm.ceremonytasks import MakeToken, Secret, TrustKey, run_task
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.kekwork import KekProfile
from keyturn.keyholder.ceremonies.actions.backups import active_kek, order_of
from keyturn.keyholder.ceremonies.actions.newsecrets import trial_token
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.sharing import pin_descriptor

LABEL = "REHEARSAL other HSM"


def wrap_elsewhere(doing: Doing, spki: bytes) -> bytes:
    """The file that the other HSM's people would hand in (our protocol §10.16)."""
    with (
        trial_token(doing.site.module, doing.files, LABEL, doing.random) as other,
        pin_descriptor(other.secrets[ShareUse.USER]) as pin_fd,
        pin_descriptor(other.secrets[ShareUse.SO], "so-pin") as so_pin_fd,
    ):
        pins = {Secret.PIN: pin_fd, Secret.SO_PIN: so_pin_fd}
        run_task(MakeToken(KekProfile.RECOVERABLE), other.place, pins)
        run_task(TrustKey(spki), other.place, {Secret.SO_PIN: so_pin_fd})
        place = other.place
        config = WorkerConfig(place.module, place.label, place.softhsm_configuration)
        with HsmWorker(config, pin_fd) as worker:
            return wrapped_document(worker.backup_kek(order_of(doing), active_kek(worker).id, spki))
