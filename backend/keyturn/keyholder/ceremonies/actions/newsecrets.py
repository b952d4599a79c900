"""Random secrets for the shares that a plan names, and for trial tokens; wiped after use."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharesets import SIZES
from keyturn.ceremony.slip39 import Random
from keyturn.hsm.ceremonytasks import TokenPlace
from keyturn.hsm.genesis import write_configuration
from keyturn.keyholder.ceremonies.actions.destroying import destroy_tree
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.seal.keys import wipe

_TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class TrialToken:
    """A free slot in a place of its own, and PINs for it."""

    place: TokenPlace
    secrets: Mapping[ShareUse, bytearray]


@contextmanager
def new_secrets(uses: Iterable[ShareUse], random: Random) -> Iterator[dict[ShareUse, bytearray]]:
    """16 bytes for each PIN, 32 for the backup secret."""
    secrets = {use: bytearray(random(SIZES[use])) for use in uses}
    try:
        yield secrets
    finally:
        for each in secrets.values():
            wipe(each)


@contextmanager
def trial_token(
    module: Path, files: CeremonyFiles, label: str, random: Random
) -> Iterator[TrialToken]:
    """Destroyed at the end, and at the next beginning where a kill left it."""
    directory = files.scratch(_TRIAL)
    destroy_tree(directory)
    try:
        configuration = write_configuration(directory)
        with new_secrets((ShareUse.USER, ShareUse.SO), random) as secrets:
            yield TrialToken(TokenPlace(module, label, configuration), secrets)
    finally:
        destroy_tree(directory)
