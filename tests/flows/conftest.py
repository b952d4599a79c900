"""One real token, one worker and one set of simulated vendors for the whole run."""

from support.ceremonyfixtures import founded_stage, genesis_stages
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
from support.postgres import postgres

__all__ = [
    "founded_stage",
    "genesis_stages",
    "hsm_worker",
    "model",
    "node_secrets",
    "postgres",
    "ready",
    "second_worker",
    "system",
    "token_template",
    "vendors",
]
