"""A model's key is destroyed as far as this keyholder reaches: it never opens it again (§10.10).

The entry in the log is the deed: from then on no key of that model is released, admitted or
wrapped. The wrapped key lies in the inventory, which deletes it when it reads that entry.
"""

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, ModelKeyDestroyed
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.quorum.ceremony_body import Concern, concern_of
from keyturn.quorum.kinds import Kind


def model_of(doing: Doing) -> Digest:
    """The one model that the plan concerns. Raises CeremonyRefused."""
    concerns = doing.plan.concerns
    models = [each for each in concerns if concern_of(each) is Concern.MODEL]
    if len(models) != 1:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "one model's key is destroyed in a ceremony",
            found=f"{len(models)} models",
            expected="1",
        )
    return Digest(models[0])


def destroy_model_key(doing: Doing) -> Facts:
    model = model_of(doing)
    state = doing.site.state
    if state is None or (Kind.MODEL, str(model)) not in state.newest:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "this model was never admitted here",
            found=model,
            expected="a model of this log",
            hint="compare the digest with the model's page",
        )
    if model in state.destroyed:
        raise CeremonyRefused(
            CeremonyReason.OVER,
            "its key was destroyed before",
            found=model,
            expected="a model whose key is there",
        )
    return ModelKeyDestroyed(model, None)


DESTROY_MODEL_KEY = Act(
    destroy_model_key,
    token=True,
    left="the model and its key as they were",
)
