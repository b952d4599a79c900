"""What a confidential VM asks of the CPU and the kernel that it runs on.

For programs that show evidence of the machine they are on: a node's agent, and a keyholder. What
comes from here is shown to somebody else, who judges it; nothing is believed here.
"""
