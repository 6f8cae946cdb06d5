"""Do the frameworks compute the same thing? Studies of one training on several backends, and their verdict.

``polyloss study WORKLOAD`` is the command; docs/study.md tells how to use it. The parts, as the data flows:

`workload`, `workloads`
    What is studied: model, loss, optimizer, data. Ten are built in.
`draws`
    Random numbers that are the same on every backend.
`worker`, `modes`, `training`, `chain`
    One process, one backend: trains, and takes the model apart layer by layer.
`configuration`
    What was built, and what of it is not the same on every backend.
`runner`, `progress`
    Starts the workers, watches them, survives them; says how long it will take.
`record`
    What was measured: the JSON schema, the CSV.
`links`, `verdict`
    NumPy only: how far rounding reaches, what lies beyond it, who is the odd one out.
`report`, `pictures`, `compare`
    For people: one HTML file, Markdown, tables.
`command`, `agree`
    What the commands do.
"""

from polyloss.study.workload import Workload

__all__ = ["Workload"]
