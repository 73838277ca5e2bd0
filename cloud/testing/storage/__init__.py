"""Cloud Storage on loopback."""
