"""The HSM page: the keyholder's token, its keys, pre-flight, and what hangs on each key."""
