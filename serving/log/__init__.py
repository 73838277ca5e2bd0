"""What an endpoint answered: the record that a rollout is watched by."""
