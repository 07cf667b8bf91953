"""Why `up` does not start, in words and with an exit code."""

ALREADY_RUNNING = 3
DATA_MISMATCH = 4


class StartRefused(Exception):  # said as a sentence: "start refused"
    """Start refused or failed; the message fits a screen and says what to do."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
