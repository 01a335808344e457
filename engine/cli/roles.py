"""Whether the person who asks has a role: it is a group of the computer. Knows no trays and no sites."""

from __future__ import annotations

import grp
import os
import pwd

__all__ = ["in_role"]


def in_role(role: str) -> bool:
    """Whether the person who asks is in the group of this name; root, who came by no sudo, may be anybody."""
    user = os.environ.get("SUDO_USER", "")
    if os.getuid() == 0 and not user:
        return True
    groups = os.getgrouplist(user, pwd.getpwnam(user).pw_gid) if user and os.getuid() == 0 else os.getgroups()
    names = set()
    for group in groups:
        try:
            names.add(grp.getgrgid(group).gr_name)
        except KeyError:  # a group without a name stands for no role
            continue
    return role in names
