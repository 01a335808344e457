"""`python -m engine` is `gatepost`. Holds nothing else."""

from engine.cli import main

main()
