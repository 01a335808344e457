"""Code tables and channel directories: what a code means, and what to do with one that is not there."""

from routes.tables.reading import SIDECAR_KEYS, read_table
from routes.tables.table import OnMiss, Row, Table, TableError

__all__ = ["SIDECAR_KEYS", "OnMiss", "Row", "Table", "TableError", "read_table"]
