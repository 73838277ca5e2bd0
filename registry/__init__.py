"""Where blessed models are kept: whole, numbered by what changed, never altered. Free of TFX and TensorFlow."""
