"""The officers' end of the control plane's API, believing nothing that it can check itself.

A stolen control plane may refuse, but must not persuade: the server's key is pinned, the
authority bundle must chain to the pinned fingerprint, every statement, approval and receipt
is verified here, and the log must extend the one that this profile saw before (I3, I5).
"""
