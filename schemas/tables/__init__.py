"""The tables of the product (SQLAlchemy Core). Constraints repeat the rules the domain keeps.

Money columns are integer fen and end in ``_fen``; moments are UTC ISO text through ``Moment``;
amounts of money never pass through a float column.
"""

from schemas.tables.base import metadata

__all__ = ["metadata"]
