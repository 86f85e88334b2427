"""What Spark itself says of its work, for profiles: stages where its driver is this process, nodes of plans elsewhere.

A stage knows its tasks, rows, bytes and memory. Over Connect there are none to ask for; there each node of a plan tells
the rows it gave and the time that it measured itself, which not every node does.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from lakehouse_assets.engines.protocol import EngineStage

# So many computations are remembered for somebody to ask; as a rule nobody does.
MOST = 100
_PER_SECOND = {"timing": 1e3, "nsTiming": 1e9}
_READ, _WRITTEN = ("filesSize",), ("shuffleBytesWritten", "numOutputBytes")


class Account:
    """Tells the stages of a session since it was last asked; `note` what was computed, or a plan cannot be told."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - classic or Connect
        self._session, self._seen = session, -1
        self._is_remote = type(session).__module__.startswith("pyspark.sql.connect")
        self._plans: deque[Any] = deque(maxlen=MOST)

    def note(self, frame: Any) -> None:  # noqa: ANN401 - classic or Connect
        """Remember what the server said when it computed a frame."""
        info = frame.executionInfo if self._is_remote else None
        if info is not None and info.metrics:  # not every server that speaks the protocol tells any
            self._plans.append(info)

    def since(self) -> list[EngineStage]:
        """Return the stages since this was last asked; none where Spark lets nobody ask."""
        if self._is_remote:
            plans, self._plans = self._plans, deque(maxlen=MOST)
            return [node for plan in plans for node in _nodes(plan.metrics)]
        from py4j.protocol import Py4JError  # noqa: PLC0415 - with Spark only

        try:
            return self._stages()
        except Py4JError:
            return []

    def _stages(self) -> list[EngineStage]:
        context = self._session.sparkContext
        driver, jvm = context._jsc.sc(), context._gateway  # noqa: SLF001 - Python's status tracker knows no times
        driver.listenerBus().waitUntilEmpty()
        no_quantiles, any_status = jvm.new_array(jvm.jvm.double, 0), jvm.jvm.java.util.ArrayList()
        found = driver.statusStore().stageList(None, False, False, no_quantiles, any_status)  # noqa: FBT003 - of Java
        every = [found.apply(at) for at in range(found.size())]
        # What was skipped had been computed before.
        fresh = [one for one in every if one.stageId() > self._seen and one.numCompleteTasks()]
        self._seen = max((one.stageId() for one in every), default=self._seen)
        return [_stage(one) for one in sorted(fresh, key=lambda one: int(one.stageId()))]


def _stage(one: Any) -> EngineStage:  # noqa: ANN401 - an object of Java
    # Named after the line of code that asked for it, whose path is nobody's business.
    asked = str(one.name()).partition(" at ")[0]
    return EngineStage(
        f"stage {one.stageId()}, {asked}",
        one.executorRunTime() / 1e3,
        tasks=one.numTasks(),
        rows=one.inputRecords() + one.shuffleReadRecords(),
        bytes_read=one.inputBytes() + one.shuffleReadBytes(),
        bytes_written=one.outputBytes() + one.shuffleWriteBytes(),
        peak_bytes=one.peakExecutionMemory(),
    )


def _nodes(plan: Any) -> Iterator[EngineStage]:  # noqa: ANN401 - metrics as the server collected them
    _, nodes = plan.extract_graph()
    for node in nodes.values():
        told = {each.name: int(each.value) for each in node.metrics}
        timed = [each for each in node.metrics if each.metric_type in _PER_SECOND]
        seconds = sum(each.value / _PER_SECOND[each.metric_type] for each in timed)
        rows = told.get("numOutputRows", 0)
        if rows or seconds:
            read, written = (sum(told.get(name, 0) for name in names) for names in (_READ, _WRITTEN))
            peak = told.get("peakMemory", 0)
            yield EngineStage(node.name, seconds, 0, rows, read, written, peak)
