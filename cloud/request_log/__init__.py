"""Vertex AI's log of requests in BigQuery, brought to this machine as data that a run reads."""
