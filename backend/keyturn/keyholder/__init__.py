"""The keyholder: verifier, relying party and log in one small process without a network socket."""
