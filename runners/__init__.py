"""The commands: local and Vertex runners, and what they share."""
