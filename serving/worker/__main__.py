"""`python -m serving.worker PLAN`: the process of one version, started by the router. PLAN is a WorkerPlan in JSON."""

from __future__ import annotations

import sys

from core.garbage import nothing_collected
from core.quiet_import import nothing_printed
from core.without_keras import without_keras
from serving.worker.plan import WorkerPlan

with nothing_collected(), nothing_printed(), without_keras():
    from serving.worker.process import serve

if __name__ == "__main__":
    serve(WorkerPlan.loads(sys.argv[1]))
