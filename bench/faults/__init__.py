"""The fault rig: one fault at a time, played on the real engine, and the promise checked afterwards."""
