"""The connection to one server: its thread, its verified facts, its identity."""
