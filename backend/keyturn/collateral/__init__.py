"""Collateral fetched, verified, kept and carried: what vendors sign about their hardware.

Everything is proved by `keyturn.attest` against pinned roots before it is kept, and never steps
back to an older answer. Nobody trusts this cache: the keyholder verifies what it is handed, and
remembers for itself. RIMs are XML, which the ring `rim` reads: callers bring its verifier.
"""
