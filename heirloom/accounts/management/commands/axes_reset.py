"""manage.py axes_reset: that of axes, and recorded."""

from axes.management.commands import axes_reset

from heirloom.accounts.management.unlocking import Recorded


class Command(Recorded, axes_reset.Command):  # type: ignore[misc]
    pass
