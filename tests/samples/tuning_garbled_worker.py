"""A worker of the search that says nothing that anybody understands, and does not go away by itself."""

import sys

if __name__ == "__main__":
    print("bababa", flush=True)
    sys.stdin.read()
