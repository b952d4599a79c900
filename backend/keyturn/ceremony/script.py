"""Scripts: what is done in a ceremony, step by step, as data (our protocol §10.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.quorum.texts import check_texts

MAX_SCRIPT = 256 << 10
MAX_STEPS = 40


class ScriptKind(Enum):
    """The kinds of ceremonies: those of a `ceremony` statement (§2.6), and two more."""

    GENESIS = "genesis"
    UNSEAL = "unseal"
    SEAL = "seal"
    KEK_ROTATION = "kek-rotation"
    BACKUP = "backup"
    RESTORE = "restore"
    RESTORE_DRILL = "restore-drill"
    CUSTODIAN_CHANGE = "custodian-change"
    OFFICER_KEY_LOSS = "officer-key-loss"
    MODEL_KEY_DESTRUCTION = "model-key-destruction"
    KEY_IMPORT = "key-import"
    HSM_REPLACEMENT = "hsm-replacement"


class Action(Enum):
    """What the host does when a step's signatures are there."""

    ATTEND = "attend"  # nothing but the record: people say what they saw or did
    PREFLIGHT = "preflight"
    MAKE_TOKEN = "make-token"  # noqa: S105 - no secret: token, PINs, keys, shares, first backup
    HAND_OUT = "hand-out"  # custodians confirm that they have their share
    PROVE_SHARES = "prove-shares"  # every share is entered again and checked
    SIGN_FOUNDING = "sign-founding"  # roster version 1 and keys get their quorum
    FOUND = "found"  # the log begins
    SIGN_KEYS = "sign-keys"  # a keys statement for a new token gets its quorum
    CONTINUE_LOG = "continue-log"  # the log goes on under the new token's log key
    UNLOCK = "unlock"  # M user shares open the token
    UNLOCK_SO = "unlock-so"  # M SO shares, for a step of the security officer
    UNLOCK_BACKUP = "unlock-backup"  # M backup shares
    SEAL = "seal"
    MAKE_KEK = "make-kek"
    REWRAP = "rewrap"
    RETIRE_KEK = "retire-kek"
    DESTROY_KEK = "destroy-kek"
    BACK_UP = "back-up"
    PROVE_BACKUP = "prove-backup"  # on a throw-away token, which is destroyed
    RESTORE_KEK = "restore-kek"
    PROVE_RESTORE = "prove-restore"
    NEW_PINS = "new-pins"  # new user PIN (and SO PIN): old shares are worth nothing
    DESTROY_MODEL_KEY = "destroy-model-key"
    MAKE_TRANSPORT_KEY = "make-transport-key"
    IMPORT_KEK = "import-kek"
    CLOSE = "close"  # everybody signs the whole


class Part(Enum):
    """What somebody does in a ceremony."""

    ADMINISTRATOR = "administrator"
    CUSTODIAN = "custodian"
    WITNESS = "witness"
    SCRIBE = "scribe"
    OFFICER = "officer"  # proposes or approves a statement


class Many(Enum):
    ONE = "one"
    EACH = "each"
    QUORUM = "quorum"  # as many as the scheme of the shares, or the statement's threshold, needs


class ShareUse(Enum):
    """What a share is of: the user PIN, the SO PIN, or the backup secret."""

    USER = "user"
    SO = "so"
    BACKUP = "backup"


class EnteredKind(Enum):
    TEXT = "text"
    CONFIRM = "confirm"
    PHRASE = "phrase"
    BAG = "bag"


class Attaches(Enum):
    NONE = "none"
    SHARE = "share"
    STATEMENTS = "statements"


@dataclass(frozen=True, slots=True)
class Signers:
    """Who signs a step. `shares`, for custodians: those who hold shares of these."""

    part: Part
    many: Many = Many.ONE
    shares: tuple[ShareUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Entered:
    """What one part types or ticks in a step, and signs."""

    name: str
    kind: EnteredKind
    label: str
    part: Part
    required: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    id: str
    title: str
    says: str
    """What is read out: what happens, and what each one has to do."""
    action: Action
    signers: tuple[Signers, ...]
    entered: tuple[Entered, ...] = ()
    attaches: Attaches = Attaches.NONE


@dataclass(frozen=True, slots=True)
class Script:
    kind: ScriptKind
    revision: int
    title: str
    purpose: str
    steps: tuple[Step, ...]

    def to_bytes(self) -> bytes:
        """The exact bytes that its digest is of."""
        return dump(
            {
                "type": "ceremony-script",
                "format": 1,
                "kind": self.kind.value,
                "revision": self.revision,
                "title": self.title,
                "purpose": self.purpose,
                "steps": [_step_document(each) for each in self.steps],
            }
        )

    @property
    def digest(self) -> Digest:
        return digest_of(self.to_bytes())

    def step(self, step_id: str) -> Step:
        """Raises KeyError."""
        return {each.id: each for each in self.steps}[step_id]


def parse_script(raw: bytes) -> Script:
    """Raises MalformedError."""
    document = load_object(raw, limit=MAX_SCRIPT, what="script")
    check_texts(document, "script")
    fields = Fields(document, "script")
    fields.literal("type", "ceremony-script")
    fields.literal("format", 1)
    script = Script(
        fields.choice("kind", ScriptKind),
        fields.integer("revision", low=1),
        fields.text("title", limit=200),
        fields.text("purpose", limit=2000),
        tuple(_read_step(each) for each in fields.objects("steps", limit=MAX_STEPS)),
    )
    fields.done()
    if not script.steps or len({each.id for each in script.steps}) != len(script.steps):
        raise MalformedCeremony("script: steps must be there, each id once")
    return script


def _step_document(step: Step) -> dict[str, object]:
    return {
        "id": step.id,
        "title": step.title,
        "says": step.says,
        "action": step.action.value,
        "signers": [
            {
                "part": each.part.value,
                "many": each.many.value,
                "shares": [use.value for use in each.shares],
            }
            for each in step.signers
        ],
        "entered": [
            {
                "name": each.name,
                "kind": each.kind.value,
                "label": each.label,
                "part": each.part.value,
                "required": each.required,
            }
            for each in step.entered
        ],
        "attaches": step.attaches.value,
    }


def _read_step(fields: Fields) -> Step:
    step = Step(
        fields.text("id", limit=40),
        fields.text("title", limit=200),
        fields.text("says", limit=4000),
        fields.choice("action", Action),
        tuple(_read_signers(each) for each in fields.objects("signers", limit=10)),
        tuple(_read_entered(each) for each in fields.objects("entered", limit=20)),
        fields.choice("attaches", Attaches),
    )
    fields.done()
    return step


def _read_signers(fields: Fields) -> Signers:
    part, many = fields.choice("part", Part), fields.choice("many", Many)
    shares = uses(fields.texts("shares", limit=len(ShareUse)), fields.what)
    fields.done()
    return Signers(part, many, shares)


def _read_entered(fields: Fields) -> Entered:
    entered = Entered(
        fields.text("name", limit=40),
        fields.choice("kind", EnteredKind),
        fields.text("label", limit=400),
        fields.choice("part", Part),
        fields.boolean("required"),
    )
    fields.done()
    return entered


def uses(texts: Sequence[str], what: str) -> tuple[ShareUse, ...]:
    """Raises MalformedCeremony."""
    for each in texts:
        if each not in _USES:
            raise MalformedCeremony(f"{what}: no such use of shares", found=repr(each[:40]))
    return tuple(_USES[each] for each in texts)


_USES = {each.value: each for each in ShareUse}
