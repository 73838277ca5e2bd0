"""Executes jobs of the local Vertex AI on this machine: compiled pipelines task by task, custom and tuning jobs."""
