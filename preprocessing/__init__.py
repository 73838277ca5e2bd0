"""One module a workload: `preprocessing_fn`, the only place where a feature is computed."""
