"""The demonstration: real programs, a real model, a real token; only the silicon is simulated."""
