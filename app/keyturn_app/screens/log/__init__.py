"""The log: its entries, their proofs, the checkpoints seen, and the alarm when they disagree."""
