"""Engines: plans into histories, blocks, workers, merging."""
