"""An officer's own keys: made, kept and used on the officer's machine, never sent anywhere.

A signing key (Ed25519 or P-256) for statements and approvals, and an X25519 key to which
shares are sealed. They lie in the OS keyring where a real one exists, otherwise in an
encrypted key file. Private halves leave memory only encrypted (I8).
"""
