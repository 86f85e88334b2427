"""What the simulated shop sells and where its customers live: the static half of the simulation."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

# How often a customer lives in each country; spelled as the shop's till spells them.
COUNTRIES: Mapping[str, float] = {
    "United Kingdom": 620, "Germany": 62, "France": 58, "EIRE": 40, "Spain": 22, "Netherlands": 18, "Belgium": 16,
    "Switzerland": 15, "Portugal": 13, "Australia": 12, "Norway": 10, "Italy": 10, "Channel Islands": 8,
    "Finland": 8, "Cyprus": 6, "Sweden": 6, "Austria": 6, "Denmark": 6, "Japan": 5, "Poland": 5, "Israel": 4,
    "USA": 4, "Hong Kong": 4, "Singapore": 4, "Iceland": 3, "Canada": 3, "Greece": 3, "Malta": 3, "RSA": 2,
    "Unspecified": 4,
}  # fmt: skip
_STYLES = ("RED DOTTED", "BLUE STRIPED", "PLAIN CREAM", "VINTAGE ROSE", "WOODLAND", "PAISLEY", "HARBOUR", "ORCHARD")
_THINGS: Mapping[str, float] = {
    "TEA TOWEL": 2.95, "LUNCH BAG": 1.65, "CAKE STAND": 12.75, "MUG": 1.25, "TEAPOT": 8.5, "PICTURE FRAME": 4.95,
    "DOORMAT": 7.95, "APRON": 3.75, "NAPKINS PACK OF 20": 0.85, "GIFT WRAP": 0.42, "CANDLE HOLDER": 1.45,
    "STORAGE TIN": 2.1, "BUNTING": 4.25, "HOT WATER BOTTLE": 4.65, "ALARM CLOCK": 3.75, "JAM JAR SET": 6.35,
    "CUSHION COVER": 5.45, "NOTEBOOK": 1.69, "WALL CLOCK": 9.95, "EGG CUP": 0.65, "PLANT POT": 2.55,
    "JIGSAW PUZZLE": 3.25, "KEY RING": 0.55, "LANTERN": 6.75, "TRAY": 5.95, "MAGNETS PACK OF 4": 1.95,
    "PENCIL CASE": 1.85, "UMBRELLA": 4.95, "OVEN GLOVE": 3.35, "BISCUIT TIN": 4.15,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Product:
    """Something on the shelf; `weight` is how often it sells."""

    code: str
    name: str
    price: Decimal
    weight: float


def build_products(chance: random.Random) -> list[Product]:
    """Return the shop's 240 products; some of one family share their number and differ in a letter."""
    made = []
    for number, (style, thing) in enumerate(product(_STYLES, _THINGS)):
        code = f"{22_001 + number}" if chance.random() < 0.8 else f"{84_001 + number}{chance.choice('ABCDE')}"  # noqa: PLR2004 - a share
        price = Decimal(str(_THINGS[thing]))
        made.append(Product(code, f"{style} {thing}", price, chance.paretovariate(2.2)))
    return made
