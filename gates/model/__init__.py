"""Checks of a trained model: what it predicts, through which signature, and how well."""
