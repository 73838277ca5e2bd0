"""Our TFX components: thin wrappers, each a spec and an executor that calls plain functions."""
