"""The commands a person types: local and Vertex runners, and what they share."""
