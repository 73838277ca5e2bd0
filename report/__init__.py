"""The run record and the self-contained HTML report."""
