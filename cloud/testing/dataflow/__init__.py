"""A local Dataflow: it takes the jobs that Beam's DataflowRunner submits and runs their staged pipelines here."""
