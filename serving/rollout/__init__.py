"""Brings a version to all of an endpoint's traffic in recorded steps, and takes it back when a step fails."""
