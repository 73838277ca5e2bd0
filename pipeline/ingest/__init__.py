"""From files on disk to split, typed, serialized tf.Examples: columnar, bounded, deterministic."""
