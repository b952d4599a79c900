"""Bundles of collateral are TUF's: where its library is not installed, that is said."""

from importlib.util import find_spec

from keyturn.base.errors import UnreachableError

LIBRARIES = ("tuf", "securesystemslib")


class BundlesMissing(UnreachableError):
    """This installation has no reader of bundles: it is of a role that needs none."""


def need_bundles() -> None:
    """Raises BundlesMissing."""
    absent = [each for each in LIBRARIES if find_spec(each) is None]
    if absent:
        raise BundlesMissing(
            "bundles of collateral cannot be read or written here",
            found=f"without {', '.join(absent)}",
            expected="Keyturn's role app or control",
            hint="pip install 'keyturn[control]', or hand the vendors' documents in one by one",
        )
