"""Google Cloud as the project uses it: the one room that imports `google.cloud`. Local servers are in `testing`."""
