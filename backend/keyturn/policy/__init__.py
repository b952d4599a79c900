"""What verified claims are worth under policies and baselines in force (DESIGN §4, I6, I11).

Core: pure functions of claims and statements. Genuine is `attest`'s question; good enough is ours.
"""
