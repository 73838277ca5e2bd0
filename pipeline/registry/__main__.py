"""`python -m pipeline.registry`: looks into the registry of a run's output folder."""

from pipeline.registry.command import main

if __name__ == "__main__":
    main()
