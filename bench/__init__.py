"""Benchmarks: load clients, sinks, reference servers and the program that runs them against the engine.

Self-contained on purpose: nothing here imports the engine, so that a mistake there cannot hide here too.
"""
