"""The endpoint on Vertex AI, behind the contract of serving/contract.py."""
