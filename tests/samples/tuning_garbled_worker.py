"""A worker of the search that prints garbled lines and does not end by itself."""

import sys

if __name__ == "__main__":
    print("bababa", flush=True)
    sys.stdin.read()
