"""manage.py axes_reset_logs: that of axes, and recorded."""

from axes.management.commands import axes_reset_logs

from heirloom.accounts.management.unlocking import Recorded


class Command(Recorded, axes_reset_logs.Command):  # type: ignore[misc]
    pass
