"""`python -m serving.worker PLAN`: the process of one version, started by the router. PLAN is a WorkerPlan in JSON."""

from __future__ import annotations

import sys

from serving.worker.plan import WorkerPlan
from serving.worker.process import serve

if __name__ == "__main__":
    serve(WorkerPlan.loads(sys.argv[1]))
