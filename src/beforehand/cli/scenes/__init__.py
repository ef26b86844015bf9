"""The scenes of the tour, one module for each area: each takes one workload from the plan to the audit."""
