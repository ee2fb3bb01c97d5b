"""The scenario language: schema, loading and checking."""
