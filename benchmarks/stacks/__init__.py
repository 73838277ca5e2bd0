"""The taxi workload on both stacks in turn: cost, verdicts, splits and metrics side by side. Writes stacks.md."""
