"""One file per layer. Each imports words and schemas of this room and protocols of `types`, never another layer."""
