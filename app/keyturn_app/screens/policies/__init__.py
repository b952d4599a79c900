"""Policies: what may get keys, its history, and the form in which the next version is written."""
