"""Alembic scripts, run by `store.migrate` and by nothing else."""
