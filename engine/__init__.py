"""The engine: joins channels and routes, and keeps the promise that an acknowledgement makes."""
