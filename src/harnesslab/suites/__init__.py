"""Suites: worlds, tools and tasks with goal checks. Knows nothing of engines, harnesses, sweeps or scores.

world        rows over a shared base, with snapshots and digests     tools      typed functions, run on a world
environment  world + tools + log                                     values     what an answer must say, by value
task         goal, task, suite                                       agents     agents that know nothing, or all
check        proves a suite                                          registry   suites by name or import path
"""
