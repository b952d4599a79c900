"""How long the fuzz targets run: `python tests/run_suites.py fuzz --long` asks for much more."""

import os


def examples(usual: int) -> int:
    """How many examples a target draws; KEYTURN_FUZZ_TIMES multiplies it (1 to 1,000)."""
    times = int(os.environ.get("KEYTURN_FUZZ_TIMES", "1"))
    return usual * max(1, min(times, 1000))
