"""harnesslab: was it the model or the harness?

Importing the package does nothing; the architecture is `harnesslab.types` (Engine, Layer, Environment, Task) and one
page, docs/glossary.md.
"""

__version__ = "0.1.0"
