"""The demo: simulated hospitals and GP practices around a real engine, over real sockets.

The simulated systems share no code with the engine's own listeners and senders, so that a mistake in one
cannot hide in the other.
"""
