"""Kills, damages and starves runs from outside, and holds their ends against that of an undisturbed run."""
