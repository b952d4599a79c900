"""Write requirements/*.txt: every package pinned exactly, with the hashes of its files.

Run by hand (`make lock`) after a dependency in pyproject.toml has changed; `--upgrade` renews
all pins. There is one file for each role (pyproject's extras), and `dev.txt` holds all roles,
so that every other file is a part of it. No file names a download address, and torch stands
in none: it is installed by its name alone (docs/decisions/0002-pinned-set-up.md).
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = ("app", "control", "postgres", "keyholder", "ceremony", "agent")
_HEADER = "# Made by `make lock` from {source}; do not edit.\n"
_FORBIDDEN = re.compile(r"://|file:|^-|^torch\b|/tmp/", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)", re.MULTILINE)


class LockError(Exception):
    """What was resolved may not be committed."""


def pins(text: str) -> dict[str, str]:
    """Name and version of each pinned package, names in their normal form (PEP 503)."""
    return {re.sub(r"[-_.]+", "-", name).lower(): found for name, found in _PIN.findall(text)}


def check(text: str) -> None:
    """Raises LockError where a file names an address or an option, holds torch or lacks hashes."""
    bad = _FORBIDDEN.search(text)
    if bad:
        line = text[: bad.start()].count("\n") + 1
        raise LockError(f"line {line}: {text.splitlines()[line - 1]!r} may not stand here")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    unhashed = [each.split()[0] for each in entries[1:] if "--hash=sha256:" not in each]
    if unhashed:
        raise LockError(f"without a hash: {', '.join(unhashed)}")


def _compile(output: str, source: str, options: Sequence[str], upgrade: bool) -> None:
    command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes"]
    command += ["--strip-extras", "--no-header", "--no-emit-options", "--unsafe-package=torch"]
    # Without --allow-unsafe, which would write torch's pin; setuptools is not "unsafe" here.
    command += [f"--output-file=requirements/{output}", *options, source]
    command += ["--upgrade"] if upgrade else []
    subprocess.run(command, cwd=REPOSITORY, check=True)
    path = REPOSITORY / "requirements" / output
    text = path.read_text().lstrip("\n")
    # pip-compile ends with the packages that it left out, as comments: torch.
    text = re.sub(r"\n# (The following packages|WARNING).*\Z", "", text, flags=re.DOTALL)
    text = _HEADER.format(source=source) + re.sub(r"^# Made by .*\n", "", text).rstrip() + "\n"
    check(text)
    path.write_text(text)


def main(arguments: Sequence[str]) -> None:
    upgrade = "--upgrade" in arguments
    every = [f"--extra={role}" for role in (*ROLES, "dev")]
    within = "--constraint=requirements/dev.txt"
    _compile("dev.txt", "pyproject.toml", every, upgrade)
    _compile("base.txt", "pyproject.toml", [within], upgrade)
    for role in (*ROLES, "bench"):
        _compile(f"{role}.txt", "pyproject.toml", [f"--extra={role}", within], upgrade)
    _compile("build.txt", "requirements/build.in", [within], upgrade)


if __name__ == "__main__":
    main(sys.argv[1:])
