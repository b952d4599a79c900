"""An independent party that cosigns a log's checkpoints after checking them (I5, DESIGN §5.8).

Knows a log by its authority's fingerprint alone. Refuses what contradicts what it cosigned, and
a log that keeps a revocation back which was handed to it.
"""
