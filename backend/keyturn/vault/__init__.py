"""Sealed models on disk and in memory: seal, open, check copies (DESIGN §5.2, I4).

Plaintext weights exist here only in anonymous memory, never in a file.
"""
