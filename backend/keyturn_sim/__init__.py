"""SIMULATED hardware: vendors that certify, and nodes that sign, evidence in real formats.

For demo, development and tests. A distribution of its own (invariant I9): nothing that ships
imports it, every certificate's subject says SIMULATED, and its roots are believed only by an
authority that was made with `simulation: true`. Of Keyturn it uses `base` alone: what verifies
evidence and what makes it share no code.
"""

from keyturn_sim.devices import Fault
from keyturn_sim.gpu import SimGpu
from keyturn_sim.node import SimNode
from keyturn_sim.nvswitch import SimSwitch
from keyturn_sim.snp import SimTcb, SnpLaunch
from keyturn_sim.tdnode import SimTdNode
from keyturn_sim.vendors import SimVendors

__all__ = [
    "Fault",
    "SimGpu",
    "SimNode",
    "SimSwitch",
    "SimTcb",
    "SimTdNode",
    "SimVendors",
    "SnpLaunch",
]
