"""The other HSM of a rehearsed import. (In a whole rehearsal: tests/flows.)"""

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.hsm.backup import parse_wrapped
from keyturn.keyholder.ceremonies.actions.othertoken import LABEL, wrap_elsewhere
from keyturn.keyholder.ceremonies.doing import Doing


def test_a_throw_away_token_wraps_its_kek_and_is_gone(doing: Doing) -> None:
    """It has a KEK of its own each time, and says what it is."""
    public = rsa.generate_private_key(65537, 4096).public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    one, two = (parse_wrapped(wrap_elsewhere(doing, spki)) for _ in range(2))
    assert one.spki == two.spki == spki
    assert one.kek != two.kek
    assert "REHEARSAL" in LABEL
    assert not list(doing.site.directory.rglob("trial"))
