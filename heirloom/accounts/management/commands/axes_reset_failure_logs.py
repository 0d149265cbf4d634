"""manage.py axes_reset_failure_logs: that of axes, and recorded."""

from axes.management.commands import axes_reset_failure_logs

from heirloom.accounts.management.unlocking import Recorded


class Command(Recorded, axes_reset_failure_logs.Command):  # type: ignore[misc]
    pass
