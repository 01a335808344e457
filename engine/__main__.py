"""`python -m engine` is `gatepost`. Holds nothing else."""

from engine.cli import main

main(prog_name="gatepost")
