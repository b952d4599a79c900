"""A whole keyholder on a real token, for the modules that only make sense together."""

from support.fixtures import (
    hsm_worker,
    model,
    node_secrets,
    ready,
    second_worker,
    system,
    token_template,
    vendors,
)
from support.tpms import booted, tpm_maker

__all__ = [
    "booted",
    "hsm_worker",
    "model",
    "node_secrets",
    "ready",
    "second_worker",
    "system",
    "token_template",
    "tpm_maker",
    "vendors",
]
