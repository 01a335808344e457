"""What people look at before they trust a site: explanations, pictures, tests and comparisons.

Pure, as all of `routes`: texts, bytes and plans in, results out. `run_tests` is the one simple entry.
"""

from __future__ import annotations

from routes.review.running import Failed, Result, run_all, run_test, run_tests

__all__ = ["Failed", "Result", "run_all", "run_test", "run_tests"]
