"""The release of a key: challenge, bound evidence, decision, grant, lease (our protocol §4, §5).

Both ends of the conversation sit here: what a node builds and what the keyholder checks.
Core: no I/O, no clock, no randomness; the HSM is asked by whoever holds a `Grant`.
"""
