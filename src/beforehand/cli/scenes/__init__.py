"""The tour's scenes, one module an area: each plays one workload from the plan to the audit."""
