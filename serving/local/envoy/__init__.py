"""Envoy as the front: it splits and copies requests between the processes of the versions by itself."""
