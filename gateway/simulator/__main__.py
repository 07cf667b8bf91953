"""`python -m gateway.simulator`."""

from gateway.simulator.run import main

if __name__ == "__main__":
    main()
