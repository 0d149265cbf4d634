"""manage.py axes_reset_ip_username: that of axes, and recorded."""

from axes.management.commands import axes_reset_ip_username

from heirloom.accounts.management.unlocking import Recorded


class Command(Recorded, axes_reset_ip_username.Command):  # type: ignore[misc]
    pass
