"""Plugin steps: found among the installed packages, and run in a process of their own."""
