"""Vertex AI on loopback: one store of resources behind REST and gRPC."""
