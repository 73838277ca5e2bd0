"""Other tools, each run in its own environment; no code of Sluice imports them.

Each script takes folders of Parquet files (train, eval, serving) and prints one JSON line a folder:
{"folder", "seconds", "what": ["name of what alarmed", …]}.
"""
