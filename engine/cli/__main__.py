"""`python -m engine.cli` is `gatepost`. Holds nothing else."""

from engine.cli import main

main(prog_name="gatepost")
