"""Numba kernels over packed trace records. Imports numpy and numba only; knows nothing of files, models or JSON."""
