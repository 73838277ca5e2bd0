"""The search for hyperparameters: which trials, in which processes, and what became of each."""
