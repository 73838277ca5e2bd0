"""Small services that a preflight asks, each with a router over what a test has set."""
