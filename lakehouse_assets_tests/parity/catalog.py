"""Our own contracts, rules and transforms: what the cases of the parity suite are made from, found and not listed."""

from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.repository import ROOT

CATALOG = open_lake(load_settings({}, ROOT / "config")).catalog
CONTRACTS = CATALOG.contracts
RULES = load_rules()
