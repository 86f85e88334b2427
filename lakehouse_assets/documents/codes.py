"""Every finding code: stable, never reused. `docs/reference/findings.md` is generated from this table.

1xx YAML, 2xx shape of a file, 3xx columns, 4xx rules, 5xx load and partitions, 6xx lineage, 7xx names,
8xx ownership, 9xx sources and settings.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is; only errors keep a configuration from being used."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means and why it matters."""

    code: str
    title: str
    why: str
    level: Level = Level.ERROR


_TABLE = (
    Code("LH101", "Not YAML", "The file cannot be read as UTF-8 YAML."),
    Code("LH102", "Duplicate key", "One of the two values would be ignored, and which one depends on the reader."),
    Code("LH103", "Anchor, alias or merge key", "What a line says must be visible in that line."),
    Code("LH104", "Tag", "Tags make readers build objects; configuration is plain data."),
    Code("LH105", "Tab", "Tabs have no width; YAML forbids them in indentation."),
    Code("LH106", "Several documents", "Only the first would be read."),
    Code("LH107", "Not a mapping", "An empty file, a list or a single value says nothing about a table."),
    Code("LH108", "YAML 1.1 boolean", "`no` is a country, an answer or false, depending on the reader."),
    Code("LH109", "YAML 1.1 number", "`1:30` is 90, `010` is 8 and `1_000` is 1000 to some readers only."),
    Code("LH110", "File too large", "More than 1 MB is generated data, not configuration."),
    Code("LH111", "Nested too deeply", "More than 50 levels cannot be meant."),
    Code("LH112", "Key is not text", "Keys are names."),
    Code("LH113", "Number cannot be kept", "Infinity, NaN and numbers beyond 64 bits compare wrongly."),
    Code("LH201", "Unknown key", "The key would have no effect."),
    Code("LH202", "Missing key", "The file cannot be understood without it."),
    Code("LH203", "Wrong value", "The value has another type or lies outside what the key allows."),
    Code("LH204", "Unsupported version of the standard", "Contracts are read as ODCS 3.0.2 to 3.2."),
    Code("LH205", "Unknown lakehouse property", "The property would have no effect."),
    Code("LH206", "Property set twice", "One of the two values would be ignored."),
    Code("LH207", "Names disagree", "A table is found by its file; the file must say the same name."),
    Code("LH208", "Not exactly one table", "A contract file promises one table."),
    Code("LH210", "File cannot be read", "What it says cannot be checked."),
    Code("LH212", "Version is not major.minor.patch", "Consumers learn from the version what may break."),
    Code("LH213", "Misplaced file", "The file lies where nothing reads it and would have no effect."),
    Code("LH301", "Type cannot be stored", "Tables hold text, numbers, booleans, dates and timestamps."),
    Code("LH302", "Type is missing or open", "A guessed type is a wrong number later."),
    Code("LH303", "Types contradict", "logicalType and physicalType name different things."),
    Code("LH304", "Decimal is impossible", "Decimals have 1 to 38 digits, and not more decimals than digits."),
    Code("LH305", "Type narrows", "Values that fit the source do not fit the column: digits would be lost."),
    Code("LH306", "Column promised twice", "Engines fold case; one of the two would win silently."),
    Code("LH307", "No columns", "A table without columns promises nothing."),
    Code("LH308", "Reserved or hostile name", "The name is used internally or breaks a reader of the table."),
    Code("LH309", "Formats missing", "Text becomes a date only by formats that are written down."),
    Code("LH310", "Ambiguous date format", "03/04 is March or April; nothing in the data tells which."),
    Code("LH311", "Bad date format", "The format cannot make the value it is meant for."),
    Code("LH312", "Unknown time zone", "Times would be shifted wrongly or not at all."),
    Code("LH313", "Option does not apply", "The option has no effect on a column of this type."),
    Code("LH314", "Masking incomplete", "A column that cannot be masked would be shown."),
    Code("LH315", "Erasure incomplete", "A subject's rows could not be found."),
    Code("LH316", "Renamed from an existing column", "Old and new name cannot both exist."),
    Code("LH401", "Unknown rule", "The rule would never run."),
    Code("LH402", "Unknown argument", "The argument would have no effect."),
    Code("LH403", "Missing argument", "The rule cannot run without it."),
    Code("LH404", "Unknown column", "The rule would look at a column the table does not have."),
    Code("LH405", "Column missing", "The rule looks at one column and none is named."),
    Code("LH406", "Bounds contradict", "No value can satisfy them: everything would be refused."),
    Code("LH407", "Not a regular expression", "The pattern cannot be compiled."),
    Code("LH408", "Pattern is not portable", "Engines disagree on what the pattern matches."),
    Code("LH409", "Argument does not fit the column", "The comparison would fail or always give the same answer."),
    Code("LH410", "Rule declared twice", "Results could not be told apart."),
    Code("LH411", "No rules", "Anything at all would be published."),
    Code("LH412", "Unknown dimension, severity or action", "What happens on failure would be guessed."),
    Code("LH413", "Action cannot be taken", "Rows cannot be told apart by a rule about many rows."),
    Code("LH414", "Error that only alerts", "The data is published although the rule fails.", Level.WARNING),
    Code("LH415", "Rule would never run", "It is written for another engine, or as text."),
    Code("LH416", "Threshold missing or impossible", "The metric cannot be judged."),
    Code("LH417", "Stated, not checked", "It describes the data; no rule makes sure of it.", Level.INFO),
    Code("LH418", "Reference list missing or useless", "A rule that looks values up in it would refuse all of them."),
    Code("LH421", "Nothing to compare with", "Every partition would be the first; the rule would learn for ever."),
    Code("LH422", "Statistics of a classified column", "What is measured is kept beside the data, for everyone."),
    Code("LH423", "Query cannot be read", "Nobody knows what it would ask."),
    Code("LH424", "Query asks for what is not allowed", "A rule reads its own table, and both engines answer alike."),
    Code("LH425", "Query does not give one number", "There would be nothing to compare with the threshold."),
    Code("LH426", "Nothing to reconcile with", "The rule would be an error for ever, and keep every partition back."),
    Code("LH501", "Load mode is not available", "The table could not be loaded."),
    Code("LH502", "Snapshot with partitions", "A snapshot replaces everything; a partition column contradicts it."),
    Code("LH503", "Partition column unusable", "Rows without a partition value could never be replaced."),
    Code("LH504", "Unknown key or sequence column", "Duplicates could not be found."),
    Code("LH505", "Key may be null", "Rows without a key would each count as new."),
    Code("LH506", "Newest is undefined", "Which version of a key wins would be chance.", Level.WARNING),
    Code("LH508", "Event time unusable", "Rows could not be placed on a day."),
    Code("LH510", "No calendar", "Nobody knows which partitions the table has."),
    Code("LH511", "Duplicates without keys", "Nothing says which rows are duplicates."),
    Code("LH521", "Entity without keys or order", "Nothing says whose change a row is, or which change came last."),
    Code("LH522", "Order of changes unusable", "Changes would be put in a wrong order, or could not be dated."),
    Code("LH523", "Tracking contradicts", "A change would make no version, or one where none is meant."),
    Code(
        "LH524", "Type of slowly changing dimension impossible", "The column would keep another value than is promised."
    ),
    Code("LH525", "Column name is taken", "A column that derivation adds would overwrite the promised one."),
    Code("LH526", "No effect on this table", "The setting would be read by nobody."),
    Code("LH527", "Table made twice", "Two contracts promise the same table; one of them would win silently."),
    Code("LH528", "Entity without one source", "A change log is made from one bronze table."),
    Code("LH529", "Deletions are not told", "Every key would look alive for ever.", Level.WARNING),
    Code("LH530", "Deletions are published as rows", "A row that says that its key is gone would count as data."),
    Code("LH531", "Deletion cannot be recognised", "The value never occurs in a column of this type."),
    Code("LH532", "Cluster column unusable", "The rows of a partition could not be sorted by it."),
    Code("LH533", "Engine cannot compute the table", "Runs would compute it elsewhere than the contract says."),
    Code("LH601", "Unknown upstream table", "The column's source does not exist."),
    Code("LH602", "Unknown upstream column", "The column's source does not exist in that table."),
    Code("LH603", "Upstream is in a higher layer", "Data flows from bronze to silver to gold only."),
    Code("LH604", "Circular upstreams", "None of these tables could ever be built first."),
    Code("LH605", "Transform missing", "The table is made from several others or in gold, and no function makes it."),
    Code("LH606", "Transform reads other tables", "Lineage would follow the contract, data the function."),
    Code("LH607", "Unknown reference", "The foreign key points at a table or column that does not exist."),
    Code("LH608", "Reference to a higher layer", "A foreign key points to the same layer or below."),
    Code("LH609", "Reference is not a key", "A foreign key to repeated or otherwise typed values proves little."),
    Code("LH610", "No upstreams", "No column says where it comes from; the table could not be built."),
    Code("LH701", "Column name breaks the grammar", "Readers expect the name to tell the type.", Level.WARNING),
    Code("LH702", "Table name breaks the grammar", "Readers expect the name to tell the kind of table.", Level.WARNING),
    Code("LH801", "No owner", "Nobody would be told."),
    Code("LH802", "Tier-1 table without runbook", "Whoever is woken needs to know what to do."),
    Code("LH803", "Consumer reads an unknown column", "The promise to the consumer is already broken."),
    Code("LH804", "Promise about an unknown column", "The service level could never be measured."),
    Code("LH811", "Exemption without owner, reason or expiry", "Nobody would answer for it, or it would last."),
    Code("LH812", "Exemption from an unknown rule", "It would have no effect."),
    Code("LH813", "Exemption of an unknown partition", "It would have no effect."),
    Code("LH814", "Cannot be exempted", "Rows would be lost or unaudited, or there is nothing to accept."),
    Code("LH815", "Exemption has expired", "It has no effect; what was published under it is outdated.", Level.WARNING),
    Code("LH816", "Exemptions of an unknown table", "The file would have no effect."),
    Code("LH901", "Unknown kind of source", "No connector can read it."),
    Code("LH902", "Unknown cadence", "The source would never be asked."),
    Code("LH903", "Unknown retry policy", "What happens after a failure would be guessed."),
    Code("LH904", "Pattern without partition", "Every partition would read the same files.", Level.WARNING),
    Code("LH905", "Calendar is impossible", "The source would have no partitions, or the wrong ones."),
    Code("LH906", "Bad reference to an environment variable", "The connection would be opened with the wrong value."),
    Code("LH907", "Unknown source in settings", "The setting would have no effect."),
    Code("LH908", "Secret in a file", "Secrets belong in environment variables, never in a repository."),
    Code("LH909", "Schedule is impossible", "The cadence would never come, or nobody can tell when."),
    Code("LH910", "Source key or cursor is not a column", "Rows could not be identified or cut into windows."),
    Code("LH911", "Schema on write without landing again", "Partitions that keep what landed would lack values."),
    Code("LH921", "Cannot be appended once", "What was appended stays; a source that says otherwise would be ignored."),
    Code("LH922", "Tuning of an unknown table", "The setting would have no effect."),
    Code("LH923", "Setting cannot be tuned", "Both engines would not give the same rows, or it would have no effect."),
    Code("LH924", "Path leads out of the location", "Files would be read that the source does not own."),
    Code("LH925", "Option of another format", "It would have no effect."),
    Code("LH926", "Nothing to watch", "It would have no effect."),
)

CODES = {code.code: code for code in _TABLE}
