"""Checks of a trained model: its predictions, its signatures and its quality."""
