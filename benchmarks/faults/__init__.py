"""Planted faults and clean controls: whether each gate refuses every fault for the right reason, and nothing else."""
