"""Other tools, each run in an environment of its own; nothing of ours imports them.

Each script takes folders of Parquet files (train, eval, serving) and prints one JSON line a folder:
{"folder", "seconds", "what": ["name of what alarmed", …]}.
"""
