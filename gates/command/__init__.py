"""The command line of the gates: what it takes and what it prints."""
