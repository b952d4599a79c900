"""How hard would it be to get a copy? Looking for secrets where they must not be."""
