"""One module a section of the report: typed values in, an HTML fragment out."""
