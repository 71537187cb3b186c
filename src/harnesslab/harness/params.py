"""The base of every layer's parameters: frozen, and an unknown name is an error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Parameters of a layer. Every field has a default and a description."""

    model_config = ConfigDict(frozen=True, extra="forbid")
