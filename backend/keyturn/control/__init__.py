"""The control plane: HTTP API, inbox of proposals, inventory, fleet state, events, the log's copy.

It holds no key that decides anything, decides no release and issues no challenge: it forwards to
the keyholder and shows what the keyholder's log says. Its own checks are a courtesy to callers;
whoever owns this server can refuse service and cannot release a key (I3).
"""
