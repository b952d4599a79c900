"""What the host does in a step, one module for each family of actions."""
