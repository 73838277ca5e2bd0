"""Checks that no feature carries the label by a way that does not exist at serving."""
