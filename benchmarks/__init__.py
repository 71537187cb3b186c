"""What the performance page of the README quotes, runnable: `python -m benchmarks.NAME`."""
