"""What may stand in a requirements file."""

import pytest

from lock import LockError, check, pins

GOOD = """# Made by `make lock` from pyproject.toml; do not edit.
Annotated_Doc==0.0.7 \\
    --hash=sha256:00 \\
    --hash=sha256:11
    # via fastapi
sympy==1.14.0 \\
    --hash=sha256:22
    # via torch
"""


def test_pins_have_normal_names() -> None:
    check(GOOD)
    assert pins(GOOD) == {"annotated-doc": "0.0.7", "sympy": "1.14.0"}


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.org/simple",
        "--extra-index-url=x",
        "-f wheels",
        "x @ https://example.org/x.whl --hash=sha256:00",
        "x @ file:///wheels/x.whl --hash=sha256:00",
        "torch==2.13.0 --hash=sha256:00",
        "# via -c http://example.org/constraints",
        "x==1",
        "x==1  # --hash left out",
    ],
)
def test_an_address_an_option_torch_or_a_missing_hash_is_refused(line: str) -> None:
    with pytest.raises(LockError):
        check(GOOD + line + "\n")
