"""The endpoint under load: beside the usual ways, while it is changed, and under requests that nobody means well."""
