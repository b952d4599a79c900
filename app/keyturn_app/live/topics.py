"""Which facts an event of the server's stream makes worth asking again.

An event is never proof: it only says where to look.
"""

from keyturn_app.desk import Topic

_OF_A_PROPOSAL = frozenset({Topic.PROPOSALS, Topic.SEEN})
_OF_A_NODE = frozenset({Topic.NODES, Topic.SEEN})
_EVERYTHING = frozenset({Topic.SEEN, Topic.PROPOSALS, Topic.MODELS, Topic.NODES, Topic.WITNESSES})

_TOUCHED = {
    "proposal": _OF_A_PROPOSAL,
    "approval": _OF_A_PROPOSAL,
    "decision": _OF_A_PROPOSAL,
    "refused": _OF_A_PROPOSAL,
    "in-force": _EVERYTHING,
    "revocation": _EVERYTHING,
    "model": frozenset({Topic.MODELS}),
    "grant": _OF_A_NODE,
    "renewal": _OF_A_NODE,
    "refusal": _OF_A_NODE,
    "platform-changed": _OF_A_NODE,
    "wiped": frozenset({Topic.NODES}),
    "heartbeat-lost": frozenset({Topic.NODES}),
    "ceremony": frozenset({Topic.SEEN}),
    "report": frozenset({Topic.SEEN}),
    "configuration": frozenset({Topic.SEEN}),
    "history-rewritten": frozenset({Topic.SEEN}),
    "rebuilt": _EVERYTHING,
}


def touched_by(kind: str) -> frozenset[Topic]:
    """All of them for a kind that a newer server adds."""
    return _TOUCHED.get(kind, _EVERYTHING)
