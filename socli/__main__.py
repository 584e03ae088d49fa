"""`python -m socli` is `socli`."""

from socli.cli import main

main()
