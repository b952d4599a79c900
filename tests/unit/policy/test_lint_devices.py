"""Rules about devices and whatever else baselines must hold."""

import pytest

from keyturn.quorum.kinds import Kind
from support.authority import policy_body, tdx_rule
from unit.policy.lint_ground import errors, ground, said


@pytest.mark.parametrize(
    ("changed", "place", "code"),
    [
        ({"baselines": ["nothing"]}, "baselines.nothing", "not-in-force"),
        ({"platforms": ["nowhere"]}, "platforms.nowhere", "not-in-force"),
        ({"gpu": {"count": 1, "drivers": ["1.2.3"]}}, "gpu.drivers", "name-without-reference"),
        ({"gpu": {"count": 1, "rim": True}}, "gpu.rim", "no-rim-value"),
        ({"gpu": {"count": 1, "modes": ["PPCIE"]}}, "gpu.modes", "ppcie-without-switches"),
        (
            {"gpu": {"count": 1, "switches": 1, "modes": ["SPT"]}},
            "gpu.modes",
            "switches-without-ppcie",
        ),
        ({"gpu": {"count": 1, "switches": 4}}, "gpu.switches", "no-switch-reference"),
        ({"witnesses": 3}, "witnesses", "too-few-witnesses"),
        ({"accepted_caveats": []}, "accepted_caveats", "caveat-of-rule"),
        (
            {"tees": ["tdx"], "snp": None, "tdx": tdx_rule()},
            "tdx",
            "no-value-of-tee",
        ),
        (
            {
                "tpm": {
                    "bank": "sha256",
                    "pcrs": ["4"],
                    "secure_boot": False,
                    "applications": False,
                    "authorities": False,
                    "variables": [],
                }
            },
            "tpm",
            "no-tpm-reference",
        ),
    ],
)
def test_what_can_never_pass(changed: dict[str, object], place: str, code: str) -> None:
    body = {name: value for name, value in policy_body(**changed).items() if value is not None}
    found = said(ground().remarks(Kind.POLICY, "serving", body))
    assert (place, code) in errors(found)
