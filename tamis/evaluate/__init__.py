"""EVALUATE: what models know and say, on items that do not change, with the doubt that is left."""
