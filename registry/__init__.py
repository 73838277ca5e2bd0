"""The registry of blessed models: whole versions, numbered by what changed, never altered. No TFX, no TensorFlow."""
