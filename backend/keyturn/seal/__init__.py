"""The sealed model format: segments, manifest, contents and key file (our protocol §3).

Pure: takes bytes, keys and randomness as arguments; files are `keyturn.vault`'s business.
"""
