"""`make demo`: the whole system on this machine; `--headless` runs it through and ends."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "setup"))

from keyturn_demo.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
