"""Simulated vendors for the whole run."""

from support.fixtures import vendors

__all__ = ["vendors"]
