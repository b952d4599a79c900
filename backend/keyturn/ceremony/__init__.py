"""Key ceremonies as data: scripts, plans, signatures, transcripts, shares (our protocol §10)."""
