"""A host key document of a test's own."""

from keyturn.base.encoding import Digest
from keyturn.keyholder.ceremonies.hostkey import HostKey
from support.authority import START


def host_document(root: bytes, size: int = 0) -> bytes:
    """Bare: nobody signed it."""
    return HostKey().document(Digest("sha256:" + "ab" * 32), size, root, START, None)
