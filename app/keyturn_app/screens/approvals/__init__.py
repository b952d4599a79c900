"""Approvals: what officers are asked to agree to, what it would change, and their decision."""
