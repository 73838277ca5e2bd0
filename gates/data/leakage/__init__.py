"""Checks that no feature knows the label by a way that serving does not have."""
