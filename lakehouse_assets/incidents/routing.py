"""Who is told about what: `config/incidents.yaml`, read strictly. Without the file everything goes to the log."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import Field

from lakehouse_assets.documents.blocks import Block, Duration, Items, read_block
from lakehouse_assets.documents.findings import Finding, Report, nearest, raise_errors
from lakehouse_assets.documents.strict_yaml import Document, read_document
from lakehouse_assets.incidents.incident import Priority
from lakehouse_assets.incidents.tracker import Policy

FILE = "incidents.yaml"
DEFAULT_CHANNELS = ("log",)


class PriorityBlock(Block):
    """What happens at one priority."""

    channels: Items[str] = Field(DEFAULT_CHANNELS, description="Names of the channels that are told.")


class PrioritiesBlock(Block):
    """One entry a priority."""

    p1: PriorityBlock = Field(PriorityBlock(), alias="P1", description="Critical: someone is paged.")
    p2: PriorityBlock = Field(PriorityBlock(), alias="P2", description="Error: to be fixed within hours.")
    p3: PriorityBlock = Field(PriorityBlock(), alias="P3", description="Warning: next business day.")
    p4: PriorityBlock = Field(PriorityBlock(), alias="P4", description="Info: backlog.")

    def channels(self) -> dict[Priority, tuple[str, ...]]:
        """Return the channels of every priority."""
        return {priority: getattr(self, priority.value.lower()).channels for priority in Priority}


class IncidentsBlock(Block):
    """Keys of `config/incidents.yaml`."""

    reopen_within: Duration = Field(
        timedelta(hours=24), description="A rule that breaks again within this time reopens its last incident."
    )
    digest_every: Duration = Field(
        timedelta(minutes=15), description="Changes of an open incident are gathered into one message for this long."
    )
    high_share: float = Field(
        0.05, ge=0, le=1, description="Above this share of affected rows an incident is at least P2 (not for info)."
    )
    priorities: PrioritiesBlock = Field(
        PrioritiesBlock(), description="What happens at P1 to P4; those left out go to the log."
    )


@dataclass(frozen=True, slots=True)
class Routing:
    """What decides about incidents, and which channels hear of each priority."""

    policy: Policy
    digest_every: timedelta = timedelta(minutes=15)
    channels: Mapping[Priority, tuple[str, ...]] = field(default_factory=dict)

    def channels_of(self, priority: Priority) -> tuple[str, ...]:
        """Return the channels that are told about a priority."""
        return self.channels.get(priority, DEFAULT_CHANNELS)


def load_routing(config_dir: Path, environment: str, channels: Collection[str]) -> Routing:
    """Return the routing of an environment; raise ConfigError with every problem of the file at once."""
    routing, findings = read_routing(config_dir, environment, channels)
    raise_errors(findings)
    return routing


def read_routing(config_dir: Path, environment: str, channels: Collection[str]) -> tuple[Routing, tuple[Finding, ...]]:
    """Return the routing and everything found on the way; with errors among it, the default routing."""
    report = Report()
    block = IncidentsBlock()
    file = config_dir / FILE
    if file.is_file():
        document = read_document(file, f"{config_dir.name}/{FILE}", report)
        read = read_block(IncidentsBlock, document.data, document, (), report) if document else None
        if document and read:
            block = read
            _check_channels(block, document, channels, report)
    return _to_routing(block, environment), report.sorted()


def _check_channels(block: IncidentsBlock, document: Document, known: Collection[str], report: Report) -> None:
    for priority, names in block.priorities.channels().items():
        for number, name in enumerate(names):
            if name not in known:
                spot = document.spot(("priorities", priority.value, "channels", number))
                report.add("LH203", spot, f"there is no channel {name!r}.", nearest(name, known))


def _to_routing(block: IncidentsBlock, environment: str) -> Routing:
    policy = Policy(environment, reopen_within=block.reopen_within, high_share=block.high_share)
    return Routing(policy, block.digest_every, block.priorities.channels())
