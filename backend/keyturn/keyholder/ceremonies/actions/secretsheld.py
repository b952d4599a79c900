"""Secrets put together from shares that are in memory, for one child process to read."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from keyturn.ceremony.script import ShareUse
from keyturn.hsm.ceremonytasks import Secret
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.sharing import pin_descriptor, put_together

SECRETS = {
    ShareUse.USER: Secret.PIN,
    ShareUse.SO: Secret.SO_PIN,
    ShareUse.BACKUP: Secret.BACKUP_SECRET,
}


@contextmanager
def held_secrets(doing: Doing, uses: Iterable[ShareUse]) -> Iterator[dict[Secret, int]]:
    """Descriptors by their names; wiped at the end, and the shares with them.

    Raises CeremonyRefused, ShareRefused.
    """
    with ExitStack() as stack:
        found: dict[Secret, int] = {}
        for use in uses:
            secret = stack.enter_context(put_together(doing.held(use)[0]))
            found[SECRETS[use]] = stack.enter_context(pin_descriptor(secret, use.value))
        yield found
