"""Who may change what: rosters, statements, approvals, and the state in force.

The state is a function of the log alone.

Core: no I/O, no clock, no randomness. Every signature that counts is verified here (I3),
whoever handed it in. Source: our protocol §2, §6.2; TUF's root rotation for the roster.
"""
