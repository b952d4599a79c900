"""Random secrets for the shares that a plan names; wiped after use."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from keyturn.ceremony.plan import ShareScheme
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharesets import SIZES
from keyturn.ceremony.slip39 import Random
from keyturn.seal.keys import wipe


@contextmanager
def new_secrets(
    schemes: Mapping[ShareUse, ShareScheme], random: Random
) -> Iterator[Mapping[ShareUse, bytearray]]:
    """16 bytes for each PIN, 32 for the backup secret."""
    secrets = {use: bytearray(random(SIZES[use])) for use in schemes}
    try:
        yield secrets
    finally:
        for each in secrets.values():
            wipe(each)
