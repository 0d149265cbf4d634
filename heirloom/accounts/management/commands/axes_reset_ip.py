"""manage.py axes_reset_ip: that of axes, and recorded."""

from axes.management.commands import axes_reset_ip

from heirloom.accounts.management.unlocking import Recorded


class Command(Recorded, axes_reset_ip.Command):  # type: ignore[misc]
    pass
