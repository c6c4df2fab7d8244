"""The embedded reader: text in pictures without a model server, in a caged process of its own (an extra)."""
