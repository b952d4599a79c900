"""Officers: the roster in force, who may decide what, and what of it runs out when."""
