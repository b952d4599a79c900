"""The ceremony host: it executes what a script says and officers sign (our protocol §10.7)."""
