"""Ceremonies: what is due, what runs, what was held, and the wizard that leads through one."""
