"""The one place that wires both halves: plan -> engines -> trials -> store.

The life of a sweep:

1. `sweep.run_sweep` opens the folder (`folders`), takes its lock, and checks that the plan only adds to it (`setup`).
2. Trials that are planned and not stored are run, model by model (`runner`), on engines that `engines` keeps.
3. A trial is run by the harness, graded by its task, and committed in one transaction.
4. `progress` shows it; `manifest` notes what it was run with.
"""
