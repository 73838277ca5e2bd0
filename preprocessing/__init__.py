"""One module for each workload: `preprocessing_fn`, the only place that computes features."""
