"""Sealed models: the inventory, what the log says of each, where it runs; sealing and admitting."""
