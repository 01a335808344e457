"""Says how old something is, as people do. Knows no clock."""

from __future__ import annotations

__all__ = ["DAY", "age_in_words"]

DAY = 86_400_000_000  # microseconds


def age_in_words(age: int) -> str:
    """An age in microseconds as people say it: "four years", "3 days"."""
    days = age // DAY
    for unit, length in (("year", 365), ("month", 30), ("day", 1)):
        if days >= 2 * length or (unit == "day" and days >= 1):
            number = days // length
            return f"{number} {unit}{'' if number == 1 else 's'}"
    minutes = max(age, 0) // 60_000_000
    if minutes >= 120:
        return f"{minutes // 60} hours"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
