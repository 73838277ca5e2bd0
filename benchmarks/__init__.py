"""Measurements: speed against the official TFX taxi template and others, and the suite of planted faults."""
