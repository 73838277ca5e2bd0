"""The DAG on one page, its typed configuration, and our TFX components."""
