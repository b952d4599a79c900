"""Words that every package shares: errors, strict JSON, digests, times, signatures, DSSE.

The innermost ring: no I/O, no clock, no randomness, no import of another Keyturn package.
"""
