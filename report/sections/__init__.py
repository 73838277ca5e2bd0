"""One module for each section of the report: typed values in, an HTML fragment out."""
