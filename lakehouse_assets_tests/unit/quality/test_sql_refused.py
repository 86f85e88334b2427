"""A query of a contract may look at its own table and nothing else, and must give one number by its form."""

import pytest

from lakehouse_assets.contracts.model import Column, ColumnType, Kind
from lakehouse_assets.contracts.vocabulary import ArgumentError
from lakehouse_assets.quality.sql_read import read_query
from lakehouse_assets.quality.sql_rule import checked

COLUMNS = (
    Column("amount", ColumnType(Kind.DECIMAL, 18, 2)),
    Column("quantity", ColumnType(Kind.INTEGER)),
    Column("state", ColumnType(Kind.STRING)),
    Column("paid", ColumnType(Kind.BOOLEAN)),
    Column("day", ColumnType(Kind.DATE)),
)
COUNT = "SELECT COUNT(*) FROM {object}"
NOT_A_SELECT = (
    "DROP TABLE {object}",
    "DELETE FROM {object}",
    "INSERT INTO {object} SELECT * FROM {object}",
    "UPDATE {object} SET quantity = 0",
    "CREATE TABLE x AS SELECT * FROM {object}",
    "CREATE VIEW x AS SELECT 1",
    "ALTER TABLE {object} ADD COLUMN x INT",
    "TRUNCATE TABLE {object}",
    "MERGE INTO {object} USING {object} ON 1 = 1 WHEN MATCHED THEN DELETE",
    "COPY {object} TO 'out.csv'",
    "COPY (SELECT * FROM {object}) TO 'out.csv'",
    "PRAGMA database_list",
    "SET memory_limit = '1TB'",
    "USE elsewhere",
    "ATTACH 'x.db' AS x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL pragma_version()",
    "DESCRIBE {object}",
    "SHOW TABLES",
    "EXPLAIN SELECT COUNT(*) FROM {object}",
    "GRANT ALL ON {object} TO public",
    "VALUES (1)",
    "FROM {object}",
    f"{COUNT}; DROP TABLE {{object}}",
    f"{COUNT}; {COUNT}",
    f"{COUNT} UNION ALL {COUNT}",
    f"{COUNT} UNION SELECT 1",
    f"{COUNT} EXCEPT {COUNT}",
    f"{COUNT} INTERSECT {COUNT}",
    f"({COUNT})",
    f"EXECUTE IMMEDIATE '{COUNT}'",
)
OTHER_SOURCES = (
    "SELECT COUNT(*) FROM customers",
    "SELECT COUNT(*) FROM silver.orders",
    "SELECT COUNT(*) FROM x.{object}",
    "SELECT COUNT(*) FROM x.y.{object}",
    "SELECT COUNT(*) FROM information_schema.tables",
    "SELECT COUNT(*) FROM '/etc/passwd'",
    'SELECT COUNT(*) FROM "s3://bucket/file.parquet"',
    "SELECT COUNT(*) FROM `parquet`.`/etc/passwd`",
    "SELECT COUNT(*) FROM read_csv('/etc/passwd')",
    "SELECT COUNT(*) FROM ReAd_CsV('/etc/passwd')",
    "SELECT COUNT(*) FROM READ_PARQUET('x')",
    "SELECT COUNT(*) FROM glob('/*')",
    "SELECT COUNT(*) FROM range(1000000000)",
    "SELECT COUNT(*) FROM UNNEST([1, 2])",
    "SELECT COUNT(*) FROM (VALUES (1)) AS v",
    "SELECT COUNT(*) FROM TABLE(x)",
    "SELECT COUNT(*) FROM {object}, {object}",
    "SELECT COUNT(*) FROM {object} AS a, customers",
    "SELECT COUNT(*) FROM {object} CROSS JOIN {object}",
    "SELECT COUNT(*) FROM {object} AS a JOIN customers AS b ON a.quantity = b.quantity",
    "SELECT COUNT(*) FROM {object} NATURAL JOIN customers",
    "SELECT COUNT(*) FROM {object}, LATERAL (SELECT 1) AS x",
    "SELECT COUNT(*) FROM {object} LATERAL VIEW explode(x) AS y",
    "SELECT COUNT(*) FROM {object} TABLESAMPLE (10 PERCENT)",
    "SELECT COUNT(*) FROM {object} PIVOT (SUM(quantity) FOR state IN ('a'))",
    "SELECT COUNT(*) FROM {object} FOR SYSTEM_TIME AS OF '2020-01-01'",
    "SELECT COUNT(*) FROM {object} VERSION AS OF 1",
    "SELECT COUNT(*) FROM (SELECT quantity FROM customers) AS x",
    "SELECT COUNT(*) FROM (SELECT quantity FROM {object} UNION ALL SELECT 1) AS x",
    "SELECT COUNT(*) FROM {object} WHERE quantity IN (SELECT quantity FROM customers)",
    "SELECT COUNT(*) FROM {object} WHERE EXISTS (SELECT 1 FROM customers)",
    "SELECT COUNT(*) FROM {object} WHERE quantity > (SELECT MAX(quantity) FROM customers)",
    "SELECT (SELECT COUNT(*) FROM customers) + COUNT(*) FROM {object}",
    "WITH customers AS (SELECT * FROM read_csv('x')) SELECT COUNT(*) FROM customers",
    "WITH a AS (SELECT quantity FROM b), b AS (SELECT quantity FROM {object}) SELECT COUNT(*) FROM a",
    "WITH a AS (SELECT quantity FROM a) SELECT COUNT(*) FROM a",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r",
    "WITH RECURSIVE r AS (SELECT quantity FROM {object}) SELECT COUNT(*) FROM r",
    "WITH a AS (DELETE FROM {object} RETURNING quantity) SELECT COUNT(*) FROM a",
    "WITH a AS (SELECT quantity FROM {object}), a AS (SELECT day FROM {object}) SELECT COUNT(*) FROM a",
    "WITH {object} AS (SELECT quantity FROM {object}) SELECT COUNT(*) FROM {object}",
    "SELECT COUNT(*) FROM __object__",
    "SELECT COUNT(*) FROM __OBJECT__",
    "SELECT 1",
    "SELECT COUNT(*)",
)
FUNCTIONS = (
    "NOW()",
    "now ( )",
    "CURRENT_TIMESTAMP",
    "CURRENT_DATE",
    "RANDOM()",
    "RAND()",
    "UUID()",
    "getenv('HOME')",
    "GetEnv('HOME')",
    "\"getenv\"('HOME')",
    "read_text('/etc/passwd')",
    "load_file('/etc/passwd')",
    "pg_sleep(10)",
    "pg_read_file('/etc/passwd')",
    "java_method('java.lang.Runtime', 'getRuntime')",
    "reflect('java.lang.System', 'getenv', 'HOME')",
    "system('id')",
    "xp_cmdshell('id')",
    "input_file_name()",
    "current_setting('x')",
    "nextval('x')",
    "md5(state)",
    "UPPER(state)",
    "REGEXP_LIKE(state, '(a+)+$')",
    "REPEAT(state, 1000000000)",
    "quantity % 2",
    "quantity || state",
    "quantity::TEXT",
    "CAST(quantity AS INTEGER)",
    "TRY_CAST(quantity AS DOUBLE)",
    "CAST(state AS DOUBLE)",
    "quantity & 1",
    "state COLLATE nocase",
    "@variable",
    "@@version",
    "?",
    ":name",
    "$1",
    "[1, 2]",
    "{'a': 1}",
    "INTERVAL 1 DAY",
    "day + 1",
    "EXTRACT(year FROM day)",
    "MAX(quantity, 2)",
    "SUM(quantity) OVER ()",
    "ROW_NUMBER() OVER (ORDER BY quantity)",
    "*",
    "x.quantity",
    "a.b.quantity",
    "nowhere",
    "_row_id",
    "'{object}'",
    "{object}",
    "{unknown}",
    "{property}",
)
CLAUSES = (
    f"{COUNT} ORDER BY 1",
    f"{COUNT} LIMIT 1",
    f"{COUNT} OFFSET 1",
    f"{COUNT} FETCH FIRST 1 ROW ONLY",
    f"{COUNT} FOR UPDATE",
    f"{COUNT} QUALIFY 1 = 1",
    f"{COUNT} GROUP BY state",
    f"{COUNT} GROUP BY ALL",
    f"{COUNT} HAVING COUNT(*) > 1",
    f"{COUNT} WINDOW w AS (ORDER BY day)",
    f"{COUNT} SETTINGS max_threads = 1",
    "SELECT /*+ BROADCAST(x) */ COUNT(*) FROM {object}",
    "SELECT DISTINCT COUNT(*) FROM {object}",
    "SELECT TOP 1 COUNT(*) FROM {object}",
    "SELECT COUNT(*) INTO x FROM {object}",
    "SELECT COUNT(*) INTO OUTFILE 'x' FROM {object}",
    "SELECT COUNT(*), COUNT(*) FROM {object}",
    "SELECT quantity FROM {object}",
    "SELECT quantity + COUNT(*) FROM {object}",
    "SELECT MAX(state) FROM {object}",
    "SELECT MAX(day) FROM {object}",
    "SELECT COUNT(*) > 1 FROM {object}",
    "SELECT SUM(state) FROM {object}",
    "SELECT MAX(paid) FROM {object}",
    "SELECT SUM(COUNT(*)) FROM {object}",
    "SELECT SUM(DISTINCT quantity) FROM {object}",
    "SELECT COUNT(DISTINCT state, day) FROM {object}",
    f"{COUNT} WHERE COUNT(*) > 1",
    f"{COUNT} WHERE quantity",
    f"{COUNT} WHERE state > 5",
    f"{COUNT} WHERE quantity = '5'",
    f"{COUNT} WHERE day > 'yesterday'",
    f"{COUNT} WHERE paid > (1 = 1)",
    f"{COUNT} WHERE state = NULL",
    f"{COUNT} WHERE quantity IN (1, NULL)",
    f"{COUNT} WHERE state LIKE day",
    f"{COUNT} WHERE state ILIKE 'a'",
    f"{COUNT} WHERE state LIKE 'a' ESCAPE '!'",
    f"{COUNT} WHERE state SIMILAR TO 'a'",
    f"{COUNT} WHERE quantity IS DISTINCT FROM 1",
    f"{COUNT} WHERE quantity > ALL (SELECT 1)",
    "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM {object} GROUP BY 1) AS x",
    "SELECT MAX(n) FROM (SELECT state, COUNT(*) AS n FROM {object}) AS x",
    "SELECT MAX(n) FROM (SELECT quantity AS n, day AS n FROM {object}) AS x",
)
UNREADABLE = (
    "",
    "   ",
    "-- SELECT COUNT(*) FROM {object}",
    "SELECT COUNT(* FROM {object}",
    "SELECT 'open FROM {object}",
    "SELECT COUNT(*) FROM {object} /* open",
    "SELECT COUNT(*) FROM {object} \x00",
    "SELECT COUNT(*) FROM {object} -- " + "x" * 10_000,
    "SELECT COUNT(*) FROM {object} WHERE " + "(" * 3_000 + "1 = 1" + ")" * 3_000,
    COUNT + " WHERE quantity IN (" + ", ".join(map(str, range(1_500))) + ")",
)


def refusal(query: str, column: str | None = None) -> ArgumentError:
    with pytest.raises(ArgumentError) as caught:
        checked({"query": query, "mustBe": 0, "column": column}, COLUMNS)
    return caught.value


@pytest.mark.parametrize("query", [*NOT_A_SELECT, *OTHER_SOURCES, *CLAUSES, *UNREADABLE])
def test_what_is_not_one_plain_select_over_the_table_is_refused_when_the_contract_loads(query: str) -> None:
    error = refusal(query)

    assert error.code in {"LH423", "LH424", "LH425"}
    assert error.what.endswith(".")


@pytest.mark.parametrize("expression", FUNCTIONS)
@pytest.mark.parametrize("place", ["SELECT MAX({}) FROM {{object}}", "SELECT COUNT(*) FROM {{object}} WHERE {} = 1"])
def test_an_expression_that_is_not_listed_is_refused_wherever_it_stands(expression: str, place: str) -> None:
    assert refusal(place.format(expression)).code in {"LH423", "LH424", "LH425"}


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from {object} -- ; DROP TABLE x",
        "SELECT /* UNION SELECT 1 */ COUNT(*) FROM {object};",
        'SELECT COUNT("quantity") FROM ${table}',
        "SELECT COUNT(QUANTITY) FROM {object} AS o WHERE o.State = 'DROP TABLE x; --'",
        "WITH a AS (SELECT quantity AS n FROM {object}), b AS (SELECT n FROM a) SELECT MAX(n) FROM b",
    ],
)
def test_a_plain_query_is_accepted_however_it_is_spelled(query: str) -> None:
    assert checked({"query": query, "mustBe": 0}, COLUMNS)["mustBe"] == 0


def test_the_column_of_a_rule_stands_for_the_placeholder_and_cannot_become_anything_else() -> None:
    hostile = 'a" FROM x; --'

    text = read_query("SELECT COUNT(${column}) FROM {object} WHERE {property} > 1", hostile).text

    assert text == 'SELECT COUNT("a"" FROM x; --") FROM {object} WHERE "a"" FROM x; --" > 1'


def test_the_normal_form_of_a_query_has_neither_comments_nor_blanks_and_is_its_own_normal_form() -> None:
    text = read_query("select  count( * )\n from ${object}  -- why\n where quantity<0 ;").text

    assert text == "SELECT COUNT(*) FROM {object} WHERE quantity < 0"
    assert read_query(text).text == text


@pytest.mark.parametrize(
    ("bound", "code"),
    [
        ({}, "LH416"),
        ({"mustBe": "0"}, "LH416"),
        ({"mustBe": True}, "LH416"),
        ({"mustBe": float("nan")}, "LH416"),
        ({"mustBeBetween": [1]}, "LH416"),
        ({"mustBeBetween": 1}, "LH416"),
        ({"mustBe": 0, "mustNotBe": 1}, "LH416"),
        ({"mustBeBetween": [2, 1]}, "LH406"),
    ],
)
def test_a_query_needs_exactly_one_threshold_that_is_a_number(bound: dict[str, object], code: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        checked({"query": COUNT, **bound}, COLUMNS)

    assert caught.value.code == code


def test_the_place_of_a_mistake_inside_the_query_is_told() -> None:
    assert "line 2" in refusal("SELECT COUNT(*)\nFROM {object} WHERE WHERE").what
