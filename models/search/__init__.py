"""The search for hyperparameters: its trials, their processes and their outcomes."""
