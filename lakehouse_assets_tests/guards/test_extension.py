"""One addition is one file or one entry: it is found without a second list, and nothing else has to be touched.

Each addition is a page in the form of the recipes: the files it consists of, then what proves that it is there.
"""

import re
import shutil
from pathlib import Path

import pytest

from lakehouse_assets_tests.recipes import blocks, checkout, follow

pytestmark = pytest.mark.integration

TABLE = """
```csv title=".lake/demo/drop/visits-2011-12-09.csv"
page
home
```
```diff title="config/sources/retail.yaml"
 tables:
+  visits: {read: {pattern: "visits-{partition}.csv"}, columns: {page: text}}
   order_lines:
```
```yaml title="config/contracts/silver/retail_visits.odcs.yaml"
apiVersion: v3.1.0
kind: DataContract
id: silver.retail_visits
version: 1.0.0
status: active
schema:
  - name: retail_visits
    properties:
      - {name: page, logicalType: string, required: true, transformSourceObjects: [bronze.retail.visits.page]}
team: {members: [{username: ada@example.com, role: owner}]}
```
```sh
lakehouse run bronze/retail/visits --partition 2011-12-09
lakehouse run silver/retail_visits --partition 2011-12-09
```
```text
2011-12-09 │ published │ 1 │ 1
2011-12-09 │ published │ 1 │ 1
```
"""
SOURCE = """
```csv title=".lake/weather/2011-12-09.csv"
sky
blue
grey
```
```yaml title="config/sources/weather.yaml"
source: weather
kind: files
owner: ada@example.com
connection: {location: .lake/weather}
cadence: daily_morning
calendar: {starts: "2011-12-06", ends: "2011-12-09"}
tables: {days: {read: {pattern: "{partition}.csv"}, columns: {sky: text}}}
```
```sh
lakehouse run bronze/weather/days --partition 2011-12-09
```
```text
2011-12-09 │ published │ 2 │ 2
```
"""
RULE = """
```python title="lakehouse_assets/quality/rules/letters.py"
from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.results import Dimension


@rule(kind=RuleKind.ROW, dimension=Dimension.CONFORMITY, example=Example(passing="a", failing="x"))
def is_not_x(column):
    '''Text is not x.'''
    return column != "x"
```
```sh
lakehouse validate
```
```text
is_not_x lakehouse_assets.quality.rules.letters
```
"""
GOLD_TABLE = """
```yaml title="config/contracts/gold/retail_countries.odcs.yaml"
apiVersion: v3.1.0
kind: DataContract
id: gold.retail_countries
version: 1.0.0
status: active
schema:
  - name: retail_countries
    properties:
      - {name: country, logicalType: string, required: true, primaryKey: true, transformLogic: every country once,
         transformSourceObjects: [silver.retail_order_lines.country]}
    customProperties:
      - {property: lakehouse.load, value: {mode: snapshot}}
team: {members: [{username: ada@example.com, role: owner}]}
```
```python title="lakehouse_assets/transforms/gold/retail_countries.py"
def retail_countries(retail_order_lines):
    return retail_order_lines.select("country").unique()
```
```sh
lakehouse run gold/retail_countries
```
```text
0 │ published │ 3 │ 3
```
"""
ENTITY = """
```csv title=".lake/demo/drop/clerks-2011-12-09.csv"
op,clerk,changed_at
U,ada,2011-12-09 08:00:00
U,ben,2011-12-09 08:00:00
D,ben,2011-12-09 09:00:00
```
```diff title="config/sources/retail.yaml"
+  clerks:
+    read: {pattern: "clerks-{partition}.csv"}
+    columns: {op: text, clerk: text, changed_at: text}
+    deletes: {column: op, values: [D]}
   order_lines:
```
```yaml title="config/contracts/silver/retail_clerks.odcs.yaml"
apiVersion: v3.1.0
kind: DataContract
id: silver.retail_clerks
version: 1.0.0
status: active
schema:
  - name: retail_clerks
    properties:
      - {name: clerk, logicalType: string, required: true, transformSourceObjects: [bronze.retail.clerks.clerk]}
      - {name: changed_at, logicalType: timestamp, required: true,
         transformSourceObjects: [bronze.retail.clerks.changed_at],
         customProperties: [{property: lakehouse.parse, value: {formats: ['%Y-%m-%d %H:%M:%S']}}]}
    customProperties:
      - property: lakehouse.load
        value: {mode: derived, keys: [clerk], sequenceBy: changed_at, history: scd4, tracked: [changed_at]}
team: {members: [{username: ada@example.com, role: owner}]}
```
```sh
lakehouse run bronze/retail/clerks --partition 2011-12-09
lakehouse run silver/retail_clerks_changes --partition 2011-12-09
lakehouse run silver/retail_clerks
lakehouse run silver/retail_clerks_history
```
```text
2011-12-09 │ published │ 3 │ 3
2011-12-09 │ published │ 3 │ 3
0 │ published │ 3 │ 1
0 │ published │ 3 │ 2
```
"""
CADENCE = """
```diff title="config/schedules.yaml"
+every_noon: {cron: "0 12 * * *"}
 hourly: {cron: "5 * * * *", description: "Five minutes past every hour."}
```
```sh
sed -i 's/cadence: daily_after_midnight/cadence: every_noon/' config/sources/retail.yaml
lakehouse validate
```
```text
0 errors
```
"""
ENVIRONMENT = """
```yaml title="config/environments/staging.yaml"
root: .lake/staging
```
```sh
LAKEHOUSE_ENV=staging lakehouse settings
```
```text
environment staging
root … .lake/staging config/environments/staging.yaml
```
"""
ADDITIONS = {
    "table": TABLE,
    "source": SOURCE,
    "rule": RULE,
    "gold table": GOLD_TABLE,
    "entity": ENTITY,
    "cadence": CADENCE,
    "environment": ENVIRONMENT,
}
ASSETS = """
```python
import os
from lakehouse_assets.defs.build import build_definitions
from lakehouse_assets.settings import load_settings

repository = build_definitions(load_settings(os.environ)).get_repository_def()
print("\\n".join(sorted(key.to_user_string() for key in repository.assets_defs_by_key)))
```
```text
bronze/retail/visits
bronze/weather/days
gold/retail_countries
silver/retail_clerks
silver/retail_clerks_changes
silver/retail_clerks_history
silver/retail_visits
```
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extension") / "fresh"
    folder.mkdir()
    checkout(folder)
    return folder


@pytest.fixture
def folder(fresh: Path, tmp_path: Path) -> Path:
    shutil.copytree(fresh, tmp_path / "checkout")
    return tmp_path / "checkout"


def files(page: str) -> str:
    """Return only the blocks of a page that are written to files."""
    return "\n".join(re.findall(r"^```\w+ title=.*?^```$", page, re.MULTILINE | re.DOTALL))


def proof(page: str) -> str:
    """Return a page without the files it consists of."""
    return re.sub(r"^```\w+ title=.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_is_there_as_soon_as_its_files_are(page: str, folder: Path) -> None:
    follow(page, folder)


@pytest.mark.parametrize("page", ADDITIONS.values(), ids=ADDITIONS)
def test_nothing_of_an_addition_is_there_without_its_files(page: str, folder: Path) -> None:
    with pytest.raises(AssertionError, match=r"^line \d+: "):
        follow(proof(page), folder)


def test_every_table_that_is_added_is_an_asset(folder: Path) -> None:
    for page in ADDITIONS.values():
        follow(files(page), folder)

    follow(ASSETS, folder)


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("table", ["config/contracts/silver/retail_visits.odcs.yaml", "config/sources/retail.yaml"]),
        ("source", ["config/sources/weather.yaml"]),
        ("rule", ["lakehouse_assets/quality/rules/letters.py"]),
        (
            "gold table",
            [
                "config/contracts/gold/retail_countries.odcs.yaml",
                "lakehouse_assets/transforms/gold/retail_countries.py",
            ],
        ),
        ("entity", ["config/contracts/silver/retail_clerks.odcs.yaml", "config/sources/retail.yaml"]),
        ("cadence", ["config/schedules.yaml"]),
        ("environment", ["config/environments/staging.yaml"]),
    ],
)
def test_an_addition_touches_only_the_files_that_the_readme_names(addition: str, expected: list[str]) -> None:
    titles = [block.words["title"] for block in blocks(ADDITIONS[addition]) if "title" in block.words]

    assert sorted(title for title in titles if not title.startswith(".lake")) == expected
