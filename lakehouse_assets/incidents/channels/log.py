"""The channel `log`: one JSON line per message in the process's own log. Always there, needs nothing."""

import json
import logging

from lakehouse_assets.incidents.message import Message, Notice

LOGGER = "lakehouse_assets.incidents"
_LEVELS = {"P1": logging.CRITICAL, "P2": logging.ERROR, "P3": logging.WARNING, "P4": logging.INFO}


class LogChannel:
    """Writes messages where the run's other log lines go; the level follows the priority."""

    name = "log"

    def send(self, message: Message) -> str:
        """Log a message as JSON; return the incident's id."""
        level = logging.INFO if message.notice == Notice.RESOLVED else _LEVELS[message.priority]
        line = json.dumps({"event": "incident", **message.to_dict()}, sort_keys=True)
        logging.getLogger(LOGGER).log(level, "%s", line)
        return message.incident_id
