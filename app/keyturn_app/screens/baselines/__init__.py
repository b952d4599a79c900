"""Baselines: known-good values, where they come from, what rests on them, and new ones."""
