"""Channels: move bytes in and out. They know nothing of the journal and nothing of routes."""
