"""Failures of conversations and turns."""

from kernel.errors import Conflict, NotFound, Unprocessable


class TurnInProgress(Conflict):
    """The conversation's previous answer is still being written."""

    code, title = "turn-in-progress", "The previous answer is still being written"


class EmptyMessage(Unprocessable):
    """There is nothing to send."""

    code, title = "empty-message", "The message is empty"


class MessageTooLong(Unprocessable):
    """Longer than this installation keeps."""

    code, title = "message-too-long", "The message is too long"


class MessageExceedsModel(Unprocessable):
    """The message alone does not fit the model's window."""

    code, title = "message-exceeds-model", "The message does not fit this model"


class NoContextReport(NotFound):
    """The turn asked no model (or still runs), so there is no account of its prompt."""

    code, title = "no-context-report", "There is no account of the prompt of this turn"


class NothingToContinue(Conflict):
    """Only an answer that was cut can be continued, and only the newest one."""

    code, title = "nothing-to-continue", "This answer cannot be continued"


class NotEditable(Conflict):
    """Only the person's own messages can be edited."""

    code, title = "not-editable", "This message cannot be edited"


class AgentNameTaken(Conflict):
    """Another agent of the tenant has this address."""

    code, title = "agent-name-taken", "There is an agent with this name"


class StreamLost(NotFound):
    """The turn is unknown here."""

    code, title = "turn-unknown", "This answer is unknown"


class TurnFailed(Conflict):
    """The answer broke off for a reason of ours."""

    code, title = "turn-failed", "The answer broke off"
