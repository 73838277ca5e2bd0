"""The checks and the verdict: pure functions that need neither TFX nor TensorFlow."""
