"""The fleet: every node, what state it is in, why, and what may be done about it."""
