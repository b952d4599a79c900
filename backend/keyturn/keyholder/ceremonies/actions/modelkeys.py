"""Destroying a model's key (our protocol §10.10): from this record on no key of it is released.

The keyholder keeps no DEK: what it can do is never to use one again, and to say so in the log.
The inventory deletes the wrapped one when it reads that entry; copies elsewhere are for people to
destroy.
"""

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, ModelKeyDestroyed
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.rewraps import admitted_models
from keyturn.quorum.ceremony_body import Concern, concern_of


def model_of(doing: Doing) -> Digest:
    """The one model that the plan concerns. Raises CeremonyRefused."""
    models = [each for each in doing.plan.concerns if concern_of(each) is Concern.MODEL]
    if len(models) != 1:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "one model's key is destroyed at a time",
            found=f"{len(models)} models",
            expected="the digest of one",
        )
    return Digest(models[0])


def _destroy(doing: Doing) -> Facts:
    model, state = model_of(doing), doing.site.state
    if state is None:
        raise CeremonyRefused(CeremonyReason.FAILED, "there is no log that could say so")
    if model in state.destroyed:
        raise CeremonyRefused(
            CeremonyReason.FAILED, "this model's key is destroyed already", found=model
        )
    if model not in admitted_models(state):
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "no such model was ever admitted",
            found=model,
            hint="compare the digest with the one of the sealed model",
        )
    return ModelKeyDestroyed(model, None)


DESTROY_MODEL_KEY = Act(
    _destroy, token=True, destroys=model_of, left="the model's key is what it was"
)
