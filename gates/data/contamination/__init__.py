"""Checks that rows of one side of a split do not stand on the other."""
