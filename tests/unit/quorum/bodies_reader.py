"""Reading one body as it would stand in a statement."""

import json

from keyturn.base.strictjson import parse_object
from keyturn.quorum.bodies import Body, parse_body
from keyturn.quorum.kinds import Kind

Document = dict[str, object]


def read_body(kind: Kind, body: Document) -> Body:
    raw = json.dumps(body).encode()
    return parse_body(kind, parse_object(raw, limit=1 << 20, what=kind.value))


def changed(document: object, path: str, value: object) -> Document:
    """A deep copy with the field at `a.0.b` set; `...` takes it away."""
    copy = json.loads(json.dumps(document))
    *walk, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = copy
    for step in walk:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    assert isinstance(copy, dict)
    return copy
