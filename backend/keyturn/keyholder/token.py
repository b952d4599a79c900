"""Is this token the one that the authority names?"""

from keyturn.base.encoding import digest_of
from keyturn.hsm.protocol import Hsm
from keyturn.hsm.protocol import Purpose as HsmPurpose
from keyturn.keyholder.errors import WrongToken
from keyturn.quorum.bodies import TOKEN_PURPOSES, Keys


def check_keys(keys: Keys, hsm: Hsm, origin: str) -> None:
    """A `keys` statement must name this log, this token's assurance, and the keys it proved.

    Asked at every start, and before such a statement comes into force: one that names others
    would make a keyholder whose answers nobody believes and that never starts again.
    Raises WrongToken.
    """
    if keys.origin != origin:
        raise WrongToken("the keys statement names another log", found=keys.origin, expected=origin)
    if keys.assurance != hsm.assurance.value:
        raise WrongToken(
            "the keys statement claims another assurance than the token has",
            found=keys.assurance,
            expected=hsm.assurance.value,
        )
    held = hsm.public_keys()
    for purpose in TOKEN_PURPOSES:
        found, expected = held[HsmPurpose(purpose.value)], keys.keys[purpose]
        hashes = (
            found.oaep_hash.value if found.oaep_hash else None,
            expected.oaep_hash.value if expected.oaep_hash else None,
        )
        if hashes[0] != hashes[1]:
            raise WrongToken(
                f"the keys statement names another OAEP hash for the {purpose.value} key",
                found=str(hashes[1]),
                expected=f"{hashes[0]}, which the HSM proved",
            )
        if found.software is not expected.in_software:
            raise WrongToken(
                f"the keys statement claims another assurance of the {purpose.value} key",
                found="software" if expected.in_software else "the token's",
                expected="a software log key" if found.software else "a key in the token",
            )
        if found.spki != expected.spki:
            raise WrongToken(
                f"the token's {purpose.value} key is not the one of the keys statement",
                found=digest_of(found.spki),
                expected=digest_of(expected.spki),
            )
