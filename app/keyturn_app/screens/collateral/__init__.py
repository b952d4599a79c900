"""Collateral: what vendors sign, how old it is, what ends, and carrying it over an air gap."""
