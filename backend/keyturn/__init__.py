"""Keyturn's backend: model weights stay sealed until a machine has proved what it is.

The map is docs/ARCHITECTURE.md. Rings point inward; `base` imports nothing of ours.
"""

__version__ = "0.1.0"
