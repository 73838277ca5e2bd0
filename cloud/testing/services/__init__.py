"""Small services that a preflight calls, each with a router over what a test has set."""
