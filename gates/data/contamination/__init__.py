"""Checks that rows of one side of a split are not on the other side."""
